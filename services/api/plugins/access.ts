/**
 * Who is asking: a key as `Authorization: Bearer fm_…`, or the cookie of a session. From here on a request has the
 * records of its own project and of no other.
 */
import type { FastifyRequest } from "fastify";
import plugin from "fastify-plugin";
import { defaultProject } from "../../../schemas/access.ts";
import { createRecords, type Records } from "../../shared/records/index.ts";
import type { Redis } from "../../shared/redis.ts";
import { Admission, type Access } from "../access/admission.ts";
import type { Keyring } from "../access/keyring.ts";
import { neededFor } from "../access/requirements.ts";
import type { App } from "../http/types.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** null until it is known who asks, and on routes that are open to all. */
    bearer: Access | null;
    /** The same. Throws on a route that is open to all. */
    access: Access;
    /** What they may see: the records of their project. */
    records: Records;
  }
}

const mostProjects = 1000;

/** One set of records for each project that asks. */
function recordsByProject(redis: Redis): (project: string) => Records {
  const known = new Map<string, Records>();
  return (project) => {
    let records = known.get(project);
    if (!records) {
      if (known.size === mostProjects) known.clear();
      known.set(project, (records = createRecords(redis, project)));
    }
    return records;
  };
}

function decorate(app: App): void {
  app.decorateRequest("bearer", null);
  app.decorateRequest("access", {
    getter(this: FastifyRequest) {
      if (this.bearer === null) throw new Error(`${this.routeOptions.url} is open to all: nobody is known there`);
      return this.bearer;
    },
  });
  app.decorateRequest("records", {
    getter(this: FastifyRequest) {
      return this.access.records;
    },
  });
}

export interface AccessOptions {
  auth: "none" | "keys";
  redis: Redis;
  keyring: Keyring;
}

export const access = plugin(async (app: App, { auth, redis, keyring }: AccessOptions) => {
  decorate(app);
  app.addHook("onRoute", (route) => {
    const needed = neededFor(route);
    route.config = { ...route.config, access: needed };
    if (!route.schema) return;
    const either = needed === "open" ? [] : [{ key: [needed] }, { session: [needed] }];
    route.schema.security = auth === "none" && needed !== "open" ? [{}, ...either] : either;
  });
  app.addHook("onClose", () => keyring.close());
  const recordsOf = recordsByProject(redis);
  if (auth === "none") {
    const everybody: Access = {
      project: defaultProject,
      scope: "admin",
      key: null,
      sessionEnds: null,
      records: recordsOf(defaultProject),
    };
    app.addHook("onRequest", (request, _reply, done) => {
      request.bearer = everybody;
      done();
    });
    return;
  }
  const admission = new Admission({ keyring, recordsOf });
  app.addHook("onRequest", (request, _reply, done) => {
    const { access: needed = "open" } = request.routeOptions.config;
    if (needed === "open") return done();
    const found = admission.admit(request, needed);
    if (!(found instanceof Promise)) {
      request.bearer = found;
      return done();
    }
    const take = (bearer: Access): void => {
      request.bearer = bearer;
      process.nextTick(done);
    };
    void found.then(take, (error: unknown) => process.nextTick(done, error));
    return undefined;
  });
  // What one may see a cache on the way must not show to another.
  app.addHook("onSend", (request, reply, _payload, done) => {
    const kept = reply.getHeader("cache-control");
    if (request.bearer && typeof kept === "string" && kept.startsWith("public"))
      reply.header("cache-control", kept.replace("public", "private"));
    done();
  });
});
