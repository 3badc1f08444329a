/**
 * The dashboard, as `npm run build` made it: one page for every path of its own, and its files, named by their
 * content and kept for ever. Programs that ask at `/` get a list of entry points.
 */
import files from "@fastify/static";
import type { FastifyReply } from "fastify";
import { z } from "zod";
import { entryPoints, type EntryPoints } from "../../../schemas/system.ts";
import { builtDashboard, pageHeaders, wantsPage } from "../http/page.ts";
import { notFound } from "../http/problem.ts";
import type { App } from "../http/types.ts";

/** First parts of the paths that the page knows; what stands behind them is its own affair. */
const places = ["datasets", "jobs", "models", "sweeps", "system"];

function sendPage(reply: FastifyReply): FastifyReply {
  reply.headers(pageHeaders);
  return reply.sendFile("index.html", builtDashboard, { cacheControl: false });
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
    root: `${builtDashboard}assets/`,
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
