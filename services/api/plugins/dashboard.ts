/**
 * The dashboard, as `npm run build` made it: one page for every path of its own, and its files, named by their
 * content and kept for ever. Programs that ask at `/` get a list of entry points.
 */
import { fileURLToPath } from "node:url";
import files from "@fastify/static";
import type { FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import { entryPoints, type EntryPoints } from "../../../schemas/system.ts";
import { notFound } from "../http/problem.ts";
import type { App } from "../http/types.ts";

/** From the sources as from dist/ it is the one in dist/. */
const built = fileURLToPath(
  new URL(
    import.meta.url.endsWith(".ts") ? "../../../dist/web/dashboard/" : "../../../web/dashboard/",
    import.meta.url,
  ),
);

/** Everything comes from here, and nothing stands inside the page. */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' blob: data:",
  "connect-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join("; ");

/** First parts of the paths that the page knows; what stands behind them is its own affair. */
const places = ["datasets", "jobs", "models", "mathematics", "sweeps", "system"];

const wantsPage = ({ headers }: FastifyRequest): boolean => (headers.accept ?? "").includes("text/html");

function sendPage(reply: FastifyReply): FastifyReply {
  reply.headers({ "content-security-policy": policy, "cache-control": "no-cache", vary: "Accept, Accept-Encoding" });
  return reply.sendFile("index.html", built, { cacheControl: false });
}

const pointsOf = (version: string): EntryPoints => ({
  name: "feature-maps",
  version,
  urls: {
    dashboard: "/",
    documentation: "/docs",
    openapi: "/openapi.json",
    datasets: "/v1/datasets",
    jobs: "/v1/jobs",
    models: "/v1/models",
    system: "/v1/system",
    inference: "/v2",
  },
});

/** In a context of its own: what it sends is of its kind alone. */
export async function dashboard(app: App, { version }: { version: string }): Promise<void> {
  await app.register(files, {
    root: `${built}assets/`,
    prefix: "/assets/",
    preCompressed: true,
    maxAge: "1y",
    immutable: true,
    index: false,
  });
  app.get(
    "/",
    {
      schema: {
        tags: ["process"],
        summary: "Where to begin: the dashboard for browsers (Accept: text/html), a list of entry points for others",
        response: {
          200: {
            description: "Entry points, or the dashboard's page",
            content: { "application/json": { schema: entryPoints }, "text/html": { schema: z.string() } },
          },
        },
      },
    },
    async (request, reply) => (wantsPage(request) ? sendPage(reply) : reply.send(pointsOf(version))),
  );
  for (const path of places.flatMap((place) => [`/${place}`, `/${place}/*`]))
    app.get(path, { schema: { hide: true } }, async (request, reply) => {
      if (wantsPage(request)) return sendPage(reply);
      throw notFound(`${request.url.split("?")[0]?.slice(0, 200)} is a page for browsers; programs ask below /v1`);
    });
}
