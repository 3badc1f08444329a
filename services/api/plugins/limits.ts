/**
 * How often a project may ask, and how many predictions it may have under way: counted in Redis, so that all processes
 * count together. What a project without such limits asks costs no trip there.
 */
import type { FastifyReply, FastifyRequest } from "fastify";
import plugin from "fastify-plugin";
import { noLimits, type Limits } from "../../../schemas/access.ts";
import { isRedisAway } from "../../shared/redis.ts";
import { limitReached } from "../../shared/refusal.ts";
import type { Records } from "../../shared/records/index.ts";
import type { App } from "../http/types.ts";
import type { Mirror } from "../mirror.ts";

const mostProjects = 10_000;
const lifeMs = 60_000;
const windowSeconds = 60;

interface Known {
  project: string;
  limits: Limits;
}

export interface LimitsOptions {
  projects: Records["projects"];
  mirror: Mirror;
}

export const limits = plugin(async (app: App, { projects, mirror }: LimitsOptions) => {
  const copies = mirror.copies<Known>({
    most: mostProjects,
    lifeMs,
    kinds: ["project"],
    topicsOf: ({ project }) => [`project:${project}`],
  });
  const limitsOf = (project: string): Known | Promise<Known> =>
    copies.get(project, async () => ({ project, limits: (await projects.read(project))?.limits ?? noLimits }));

  const count = async (
    request: FastifyRequest,
    reply: FastifyReply,
    { project, limits: own }: Known,
  ): Promise<void> => {
    const asksForPrediction = request.routeOptions.config.changesNothing === true && own.predictionsAtOnce !== null;
    const { requestsPerMinute, predictionsAtOnce } = own;
    if (requestsPerMinute === null && !asksForPrediction) return;
    const prediction = asksForPrediction ? request.id : null;
    const { requests, leftMs, hasPlace } = await projects.countRequest(project, { limits: own, prediction });
    if (requestsPerMinute !== null) {
      const left = Math.max(0, requestsPerMinute - requests);
      const seconds = Math.ceil(Math.max(0, leftMs) / 1000);
      reply.header("ratelimit-policy", `"project";q=${requestsPerMinute};w=${windowSeconds}`);
      reply.header("ratelimit", `"project";r=${left};t=${seconds}`);
      if (requests > requestsPerMinute)
        throw limitReached("requestsPerMinute", { most: requestsPerMinute, retryAfter: Math.max(1, seconds) });
    }
    if (prediction === null || predictionsAtOnce === null) return;
    if (!hasPlace) throw limitReached("predictionsAtOnce", { most: predictionsAtOnce, retryAfter: 1 });
    reply.raw.once("close", () => {
      projects
        .endPrediction(project, prediction)
        .catch((error: unknown) => request.log.debug({ err: error }, "a prediction counts until its time is over"));
    });
  };

  app.addHook("onRequest", (request, reply, done) => {
    // What is open to all is nobody's: probes and pages do not count.
    if (request.bearer === null || request.routeOptions.config.access === "open") return done();
    const known = limitsOf(request.bearer.project);
    if (
      !(known instanceof Promise) &&
      known.limits.requestsPerMinute === null &&
      known.limits.predictionsAtOnce === null
    )
      return done();
    void Promise.resolve(known)
      .then((own) => count(request, reply, own))
      .then(
        () => process.nextTick(done),
        // Without Redis nothing can be counted: a route that needs it says so itself, telemetry and documents go on.
        (error: unknown) => process.nextTick(done, isRedisAway(error) ? undefined : error),
      );
    return undefined;
  });
});
