/** GET /problems/{code}: where the `type` of a problem leads. The text is that of docs/PROBLEMS.md. */
import { readFileSync } from "node:fs";
import { z } from "zod";
import { failureCodes, warningCodes } from "../../../../schemas/failure.ts";
import { problemCodes, problemParams } from "../../../../schemas/problem.ts";
import { notFound } from "../../http/problem.ts";
import type { App } from "../../http/types.ts";

/** The document stands beside the sources, and one folder further up from dist/. */
function readSections(): Map<string, string> {
  for (const up of ["../../../../docs/PROBLEMS.md", "../../../../../docs/PROBLEMS.md"]) {
    try {
      const text = readFileSync(new URL(up, import.meta.url), "utf8");
      return new Map(
        text
          .split(/^## /m)
          .slice(1)
          .flatMap((section) =>
            /^`([a-z-]+)`/.exec(section) ? [[section.slice(1, section.indexOf("`", 1)), `## ${section.trim()}\n`]] : [],
          ),
      );
    } catch {
      continue;
    }
  }
  return new Map();
}

/** Of every code that an answer can carry: of problems, of failed jobs and evaluations, of warnings. */
const titles = new Map<string, string>([
  ...Object.entries(problemCodes).map(([code, [status, title]]) => [code, `${status}. ${title}`] as const),
  ...Object.entries({ ...failureCodes, ...warningCodes }),
]);

export function problemRoutes(app: App): void {
  const sections = readSections();
  app.get(
    "/problems/:code",
    {
      schema: {
        tags: ["process"],
        summary: "What the code of a problem, a failure or a warning means, and what to do",
        params: problemParams,
        response: { 200: { description: "Markdown", content: { "text/markdown": { schema: z.string() } } } },
      },
    },
    async (request, reply) => {
      const { code } = request.params;
      const title = titles.get(code);
      if (title === undefined)
        throw notFound(`there is no problem '${code}'; there are ${[...titles.keys()].join(", ")}`);
      return reply.type("text/markdown; charset=utf-8").send(sections.get(code) ?? `## \`${code}\`\n\n${title}.\n`);
    },
  );
}
