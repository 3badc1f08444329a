/** A line in the log for each write: who asked for what, of which thing, from where, and what came of it. */
import plugin from "fastify-plugin";
import type { App } from "../http/types.ts";

const looks = new Set(["GET", "HEAD", "OPTIONS"]);

/** Questions sent by POST change nothing and are left out. Neither bodies nor keys are written, only a key's id. */
export const audit = plugin(async (app: App) => {
  app.addHook("onResponse", (request, reply, done) => {
    const { method, bearer, ip } = request;
    const { config, url: route = null } = request.routeOptions;
    if (looks.has(method) || config.changesNothing === true) return done();
    request.log.info(
      {
        audit: {
          project: bearer?.project ?? null,
          key: bearer?.key?.id ?? null,
          method,
          route,
          path: request.url.split("?", 1)[0],
          made: reply.getHeader("location") ?? null,
          from: ip,
          status: reply.statusCode,
        },
      },
      "write",
    );
    done();
  });
});
