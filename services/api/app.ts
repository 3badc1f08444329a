/**
 * The HTTP application, without a process around it. A route file exports one function `(app, dependencies) => void`
 * that registers its routes with zod schemas (params, querystring, body, response) and throws Problem; routes/index.ts
 * calls it.
 */
import { setTimeout as sleep } from "node:timers/promises";
import Fastify, { LogController, type FastifyPluginCallback } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { newUlid } from "../shared/ids.ts";
import type { Dependencies } from "./dependencies.ts";
import { dashboard } from "./plugins/dashboard.ts";
import { requireAuth } from "../shared/config.ts";
import { access } from "./plugins/access.ts";
import { audit } from "./plugins/audit.ts";
import { caughtUp } from "./plugins/caught-up.ts";
import { usualLimits } from "./http/body.ts";
import { bodyBudget } from "./http/budget.ts";
import { answerSerializer } from "./http/answer.ts";
import { refuseUnreadable, refuseUnusual } from "./http/unreadable.ts";
import { bodyWatch } from "./plugins/body-watch.ts";
import { crossOrigin } from "./plugins/cors.ts";
import { door } from "./plugins/door.ts";
import { guard } from "./plugins/guard.ts";
import { idempotency } from "./plugins/idempotency.ts";
import { jsonBody } from "./plugins/json-body.ts";
import { limits } from "./plugins/limits.ts";
import { multipartForms } from "./plugins/multipart.ts";
import { openapi } from "./plugins/openapi.ts";
import { problems, sendProblem, toProblem } from "./plugins/problems.ts";
import { reference } from "./plugins/reference.ts";
import { telemetry } from "./plugins/telemetry.ts";
import { unread } from "./plugins/unread.ts";
import { Problem } from "./http/problem.ts";
import { requestLog } from "./http/request-log.ts";
import { registerRoutes } from "./routes/index.ts";
import { EventStreams } from "./http/streams.ts";
import type { App } from "./http/types.ts";
import { validatorCompiler } from "./http/validation.ts";

/** How long an ending process still takes requests that were under way. */
const graceMs = 300;

/**
 * What was sent before the end is still accepted and answered; what comes later on a connection that stayed open is
 * sent to another api.
 */
function endGracefully(app: App, streams: EventStreams): void {
  let refuses = false;
  app.addHook("preClose", async () => {
    streams.close();
    await sleep(graceMs);
    refuses = true;
  });
  app.addHook("onRequest", (_request, _reply, done) => {
    if (refuses) throw new Problem({ code: "overloaded", detail: "this process is ending; ask again", retryAfter: 1 });
    done();
  });
  app.addHook("onSend", (_request, reply, _payload, done) => {
    if (streams.ending) reply.header("connection", "close");
    done();
  });
}

export async function buildApp(dependencies: Dependencies): Promise<App> {
  const app = Fastify({
    loggerInstance: dependencies.log,
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: "requestId" }),
    genReqId: () => newUlid(),
    childLoggerFactory: requestLog,
    bodyLimit: usualLimits.bytes,
    routerOptions: { maxParamLength: 200 },
    forceCloseConnections: "idle",
    return503OnClosing: false,
    trustProxy: dependencies.config.trustProxy,
    // Who leaves the Host header out is told so by us, as by all problems.
    http: { requireHostHeader: false },
    clientErrorHandler: refuseUnreadable,
    frameworkErrors: (error, request, reply) => void sendProblem(toProblem(error, request), request, reply),
  }).withTypeProvider<ZodTypeProvider>() as App;
  const streams = new EventStreams();
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(answerSerializer);
  app.decorateRequest("uploadDigest", null);
  refuseUnusual(app.server);
  endGracefully(app, streams);
  const { requests } = dependencies.tracing;
  if (requests !== null) await app.register(requests as FastifyPluginCallback);
  await app.register(problems);
  await app.register(door, {
    host: dependencies.config.host,
    allowed: dependencies.config.allowedHosts,
    origins: dependencies.config.corsOrigins,
  });
  await app.register(crossOrigin, { origins: dependencies.config.corsOrigins });
  await app.register(bodyBudget, { bytes: dependencies.config.bodies.memoryBytes });
  await app.register(bodyWatch, { stallSeconds: dependencies.config.bodies.stallSeconds });
  await app.register(jsonBody);
  const { config, redis } = dependencies;
  await app.register(guard, {
    redis,
    perMinute: config.rateLimit,
    // Models in the threads of predictions and of the desk, and bodies.
    memoryBytes: 2 * config.predictionCacheBytes + config.bodies.memoryBytes,
  });
  await app.register(access, { auth: requireAuth(config), redis, keyring: dependencies.keyring });
  await app.register(audit);
  await app.register(limits, { projects: dependencies.allRecords.projects, mirror: dependencies.mirror });
  await app.register(multipartForms);
  await app.register(unread);
  await app.register(idempotency, { records: dependencies.allRecords.idempotency });
  await app.register(caughtUp, { mirror: dependencies.mirror });
  await app.register(openapi, { version: dependencies.version });
  await app.register(reference);
  await app.register(dashboard, { version: dependencies.version });
  await app.register(telemetry, { dependencies, streams });
  app.after(() => registerRoutes(app, dependencies, streams));
  await app.ready();
  return app;
}
