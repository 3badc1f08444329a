/**
 * The HTTP application, without a process around it. A route file exports one function `(app, dependencies) => void` that registers
 * its routes with zod schemas (params, querystring, body, response) and throws Problem; routes/index.ts calls it.
 */
import helmet from "@fastify/helmet";
import multipart from "@fastify/multipart";
import Fastify from "fastify";
import { serializerCompiler } from "fastify-type-provider-zod";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { ulid } from "ulid";
import type { Dependencies } from "./dependencies.ts";
import { openapi } from "./plugins/openapi.ts";
import { problems, sendProblem, toProblem } from "./plugins/problems.ts";
import { registerRoutes } from "./routes/index.ts";
import type { App } from "./types.ts";
import { validatorCompiler } from "./validation.ts";

const mebibyte = 1024 * 1024;

export async function buildApp(dependencies: Dependencies): Promise<App> {
  const app = Fastify({
    loggerInstance: dependencies.log,
    genReqId: () => ulid(),
    bodyLimit: mebibyte,
    routerOptions: { maxParamLength: 200 },
    forceCloseConnections: "idle",
    onProtoPoisoning: "error",
    onConstructorPoisoning: "error",
    frameworkErrors: (error, request, reply) => void sendProblem(toProblem(error, request), request, reply),
  }).withTypeProvider<ZodTypeProvider>() as App;
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  app.decorateRequest("uploadDigest", null);
  await app.register(problems);
  await app.register(helmet, { contentSecurityPolicy: false });
  await app.register(multipart);
  await app.register(openapi, { version: dependencies.version });
  app.after(() => registerRoutes(app, dependencies));
  await app.ready();
  return app;
}
