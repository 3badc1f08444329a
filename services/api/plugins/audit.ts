/** A line in the log for each write: who asked for what, of which thing, from where, and what came of it. */
import type { FastifyRequest } from "fastify";
import plugin from "fastify-plugin";
import type { App } from "../http/types.ts";

/** The job that a write is about, or made. */
function jobOf({ url, params }: FastifyRequest, made: unknown): { job?: string } {
  const { id } = params as { id?: string };
  if (url.startsWith("/v1/jobs/") && id !== undefined) return { job: id };
  const job = typeof made === "string" ? /^\/v1\/jobs\/([^/]+)$/.exec(made)?.[1] : undefined;
  return job === undefined ? {} : { job };
}

const looks = new Set(["GET", "HEAD", "OPTIONS"]);

/** Questions sent by POST change nothing and are left out. Neither bodies nor keys are written, only a key's id. */
export const audit = plugin(async (app: App) => {
  app.addHook("onResponse", (request, reply, done) => {
    const { method } = request;
    if (looks.has(method)) return done();
    const { config, url: route = null } = request.routeOptions;
    if (config.changesNothing === true) return done();
    const { bearer, ip } = request;
    const made = reply.getHeader("location") ?? null;
    request.log.info(
      {
        ...jobOf(request, made),
        audit: {
          project: bearer?.project ?? null,
          key: bearer?.key?.id ?? null,
          method,
          route,
          path: request.url.split("?", 1)[0],
          made,
          from: ip,
          status: reply.statusCode,
        },
      },
      "write",
    );
    done();
  });
});
