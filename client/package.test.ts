/** The client as others get it: packed, installed in a folder of its own, used from Node, and read by a compiler. */
import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, it } from "vitest";
import { installClient } from "../tests/support/client-package.ts";
import { json, startScriptedServer } from "../tests/support/scripted-server.ts";

const run = promisify(execFile);
const root = fileURLToPath(new URL("..", import.meta.url));
let folder: string;
let installed: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "maps-package-"));
  installed = await installClient(folder);
});
afterAll(() => rm(folder, { recursive: true }));

it("is small, needs nothing, and says what it is", async () => {
  const code = await readFile(join(installed, "index.js"));
  expect(gzipSync(code).length).toBeLessThan(12_000);
  expect(code.toString()).not.toMatch(/^import\b|\bfrom\s*["']|\brequire\(|zod/m);
  const manifest = JSON.parse(await readFile(join(installed, "package.json"), "utf8")) as Record<string, unknown>;
  expect(manifest).not.toHaveProperty("dependencies");
  expect((await readdir(installed)).toSorted()).toEqual(["LICENSE", "README.md", "index.js", "package.json", "types"]);
});

it("works from Node", async () => {
  const server = await startScriptedServer();
  try {
    server.script(json({ id: "job_1", status: "queued" }, 202));
    await writeFile(
      join(folder, "use.js"),
      `import { Client, Problem } from "feature-maps-client";
       const job = await new Client(process.argv[2]).jobs.create({ dataset: "pets" });
       console.log(job.id, typeof Problem);`,
    );
    const { stdout } = await run(process.execPath, ["use.js", server.url], { cwd: folder });
    expect(stdout).toBe("job_1 function\n");
  } finally {
    await server.stop();
  }
});

/** What the compiler says of a project. */
async function complaints(project: string): Promise<string> {
  const tsc = join(root, "node_modules/typescript/bin/tsc");
  const ran = run(process.execPath, [tsc, "--noEmit", "-p", project], { cwd: project === folder ? folder : root });
  const { stdout } = await ran.catch((error: unknown) => error as { stdout: string });
  return stdout.slice(0, 6000);
}

/** Names of the types that an interface file exports. */
const typeNames = (text: string): string[] =>
  [...text.matchAll(/export (?:type|interface) (?:(\w+)|\{([^}]*)\})/g)]
    .flatMap(([, one, several]) => (one === undefined ? several.split(",") : [one]))
    .map((name) => name.trim().split(" as ").at(-1) ?? "")
    .filter((name) => name !== "");

it("has the types that it has here, without zod", async () => {
  const ours = await readFile(join(root, "client/types.ts"), "utf8");
  const theirs = await readFile(join(installed, "types/types.d.ts"), "utf8");
  const names = typeNames(ours);
  expect(typeNames(theirs).toSorted()).toEqual(names.toSorted());
  expect(names.length).toBeGreaterThan(60);
  const same = names
    .filter((name) => name !== "Page")
    .map((name) => `type ${name} = Same<Ours.${name}, Theirs.${name}>;`);
  // In the project, so that what both name is found.
  const check = join(root, "dist", "package-types.check.ts");
  const config = join(root, "dist", "package-types.json");
  await writeFile(
    check,
    [
      `import type * as Ours from "../client/types.ts";`,
      `import type * as Theirs from "./package/types/types.d.ts";`,
      "type Same<One extends Two, Two extends Back, Back = One> = [One, Two];",
      ...same,
      `export type All = [${names.filter((name) => name !== "Page").join(", ")}];`,
    ].join("\n"),
  );
  await writeFile(
    config,
    JSON.stringify({
      extends: "../client/tsconfig.json",
      // An absent field and one that is undefined are the same to whoever reads.
      compilerOptions: { exactOptionalPropertyTypes: false },
      files: ["package-types.check.ts"],
      include: [],
    }),
  );
  try {
    expect(await complaints(config)).toBe("");
  } finally {
    await Promise.all([rm(check), rm(config)]);
  }
});

it("is read by a strict compiler in a project of its own", async () => {
  await writeFile(
    join(folder, "use.ts"),
    `import { Client, Problem, type Event, type Job } from "feature-maps-client";
       const client = new Client("http://127.0.0.1:3000", { key: "fm_1" });
       const job: Job = await client.jobs.create({ dataset: "pets", network: "lenet-5", epochs: 3 });
       for await (const event of client.jobs.events(job.id)) {
         if (event.type === "epoch") { const loss: number | null = event.data.loss; void loss; }
       }
       // @ts-expect-error: a field that does not exist
       await client.jobs.create({ dataset: "pets", epoch: 3 });
       // @ts-expect-error: a query that does not exist
       await client.jobs.list({ limits: 3 });
       try { await client.models.predict("m", new Blob([])); } catch (error) {
         if (error instanceof Problem) { const code: "conflict" | (string & {}) = error.code; void code; }
       }
       export const seen: Event[] = [];`,
  );
  await writeFile(
    join(folder, "tsconfig.json"),
    JSON.stringify({
      compilerOptions: {
        target: "ES2023",
        lib: ["ES2023", "DOM", "DOM.Iterable"],
        module: "NodeNext",
        types: [],
        strict: true,
        noEmit: true,
        skipLibCheck: false,
        exactOptionalPropertyTypes: true,
      },
      files: ["use.ts"],
    }),
  );
  expect(await complaints(folder)).toBe("");
});
