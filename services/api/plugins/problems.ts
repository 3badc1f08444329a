/** Every answer that is not a success is application/problem+json (RFC 9457), whoever threw and whatever it was. */
import type { FastifyError, FastifyReply, FastifyRequest } from "fastify";
import plugin from "fastify-plugin";
import type { Problem as ProblemBody, ProblemCode } from "../../../schemas/problem.ts";
import { ComputationError, type ComputationFault } from "../../prediction/index.ts";
import { redaction } from "../../shared/redaction.ts";
import { isRedisAway } from "../../shared/redis.ts";
import { StorageError } from "../../shared/storage/index.ts";
import { unreadType } from "../http/media-types.ts";
import { sendNoSuchPage, wantsPage } from "../http/page.ts";
import { Problem, Refusal } from "../http/problem.ts";
import type { App } from "../http/types.ts";

const retrySeconds = 2;

/** What Fastify and its plugins throw, in our words. */
const fastifyErrors: Record<string, ((error: FastifyError, request: FastifyRequest) => Problem) | undefined> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: (_error, request) => unreadType(request),
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: () =>
    new Problem({ code: "malformed-body", detail: "the body's length is not what Content-Length says" }),
  FST_ERR_CTP_BODY_TOO_LARGE: (_error, request) =>
    new Problem({
      code: "payload-too-large",
      detail: `the body is longer than the ${request.routeOptions.bodyLimit} bytes this route takes`,
    }),
  FST_REQ_FILE_TOO_LARGE: () =>
    new Problem({ code: "payload-too-large", detail: "a file of this upload is larger than the service takes" }),
  FST_FILES_LIMIT: () => new Problem({ code: "payload-too-large", detail: "this upload has too many files" }),
  FST_PARTS_LIMIT: () => new Problem({ code: "payload-too-large", detail: "this upload has too many parts" }),
  FST_FIELDS_LIMIT: () => new Problem({ code: "payload-too-large", detail: "this upload has too many fields" }),
  FST_PROTO_VIOLATION: () =>
    new Problem({ code: "malformed-body", detail: "a field may not be named __proto__, constructor or prototype" }),
  FST_INVALID_MULTIPART_CONTENT_TYPE: () =>
    new Problem({ code: "unsupported-media-type", detail: "expected multipart/form-data with a boundary" }),
  FST_PREMATURE_CLOSE: () =>
    new Problem({ code: "malformed-body", detail: "the upload ended before its last part was complete" }),
  FST_ERR_BAD_URL: (_error, request) =>
    new Problem({ code: "invalid-request", detail: `'${request.url.slice(0, 200)}' is not a valid path` }),
  FST_ERR_MAX_PARAM_LENGTH: () =>
    new Problem({ code: "not-found", detail: "a part of the path is too long to be a name" }),
};

const faults: Record<ComputationFault, ProblemCode> = {
  refused: "invalid-data",
  timeout: "overloaded",
  overloaded: "overloaded",
  failed: "internal",
  closed: "overloaded",
};

/** Failures of the world behind us: worth another try in a moment. */
function worldError(error: Error): Problem | null {
  if (isRedisAway(error))
    return new Problem({
      code: "redis-unavailable",
      detail: "Redis cannot be reached at the moment; try again shortly",
      retryAfter: retrySeconds,
      cause: error,
    });
  if (/^(LOADING|READONLY|MASTERDOWN|CLUSTERDOWN|BUSY|MISCONF|OOM) /.test(error.message)) {
    return new Problem({
      code: "redis-unavailable",
      detail: `Redis does not take commands at the moment (${error.message.split(" ")[0]})`,
      retryAfter: retrySeconds,
      cause: error,
    });
  }
  if (error instanceof StorageError) {
    if (error.fault === "full")
      return new Problem({
        code: "insufficient-storage",
        detail: "there is not enough space left in storage",
        cause: error,
      });
    if (error.fault === "damaged" || error.fault === "missing")
      return new Problem({
        code: "stored-damaged",
        detail: `${error.message}; restore it from a backup of the storage, or make it anew`,
        cause: error,
      });
    if (error.fault === "unavailable")
      return new Problem({
        code: "storage-unavailable",
        detail: "storage cannot be reached at the moment; try again shortly",
        retryAfter: retrySeconds,
        cause: error,
      });
  }
  if (error instanceof ComputationError) {
    const code = faults[error.fault];
    return new Problem({
      code,
      detail: error.message,
      errors: error.pointer === undefined ? [] : [{ pointer: error.pointer, detail: error.message }],
      ...(code === "overloaded" ? { retryAfter: retrySeconds } : {}),
      cause: error,
    });
  }
  return null;
}

/** Whatever was thrown, as a problem. */
export function toProblem(error: unknown, request: FastifyRequest): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof Refusal) {
    const { code, message, errors, cause, retryAfter } = error;
    return new Problem({ code, detail: message, errors, cause, ...(retryAfter === undefined ? {} : { retryAfter }) });
  }
  if (error instanceof Error) {
    const { code } = error as FastifyError;
    const known = Object.hasOwn(fastifyErrors, code) ? fastifyErrors[code] : undefined;
    if (known) return known(error as FastifyError, request);
    const world = worldError(error);
    if (world) return world;
    if ((error as FastifyError).statusCode === 429)
      return new Problem({ code: "too-many-requests", detail: error.message });
    if ((error as FastifyError).statusCode === 400)
      return new Problem({ code: "invalid-request", detail: error.message });
    // What serves the documentation's files says so of a path that would leave its folder.
    if ([403, 404].includes(Number((error as FastifyError).statusCode)))
      return new Problem({ code: "not-found", detail: `there is no ${request.url.slice(0, 200)}` });
  }
  return new Problem({
    code: "internal",
    detail: `something failed on our side; the log names it under request ${request.id}`,
    cause: error,
  });
}

export function sendProblem(problem: Problem, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  if (problem.statusCode >= 500)
    request.log[problem.code === "internal" ? "error" : "warn"](
      { err: problem.cause ?? problem, code: problem.code },
      problem.message,
    );
  return reply
    .code(problem.statusCode)
    .headers(problem.headers)
    .type("application/problem+json")
    .serializer((body: unknown) => JSON.stringify(body))
    .send(bodyFor(problem, request.url.split("?")[0] ?? ""));
}

const redact = redaction(process.env);

/**
 * What was wrong may have been a secret in the wrong place: it is not said again. Clients of the Open Inference
 * Protocol look for a member `error`.
 */
function bodyFor(problem: Problem, path: string): ProblemBody {
  const body = JSON.parse(redact(JSON.stringify(problem.body(path)))) as ProblemBody;
  return /^\/v2(\/|$)/.test(path) ? { ...body, error: body.detail } : body;
}

/**
 * How much of a refused body is still taken, so that whoever is sending it gets to read the answer instead of a broken
 * pipe.
 */
const restBytes = 64 * 1024 * 1024;
const restMs = 5000;
/** A sender that pauses for so long is not writing: it will read. */
const pauseMs = 500;

async function takeRest({ raw, headers, body }: FastifyRequest): Promise<void> {
  const hasBody = headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0;
  if (!hasBody || body !== undefined || raw.readableEnded || raw.complete || raw.destroyed) return;
  await new Promise<void>((resolve) => {
    let taken = 0;
    const done = (): void => {
      clearTimeout(timer);
      clearTimeout(pause);
      raw.off("data", count).off("end", done).off("close", done);
      resolve();
    };
    const count = (chunk: Buffer): void => {
      taken += chunk.length;
      pause.refresh();
      if (taken > restBytes) done();
    };
    const timer = setTimeout(done, restMs);
    const pause = setTimeout(done, pauseMs);
    raw.on("data", count).on("end", done).on("close", done).resume();
  });
}

const methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"] as const;

export const problems = plugin(async (app: App) => {
  app.setErrorHandler(async (error, request, reply) => {
    await takeRest(request);
    return sendProblem(toProblem(error, request), request, reply);
  });
  app.setNotFoundHandler(async (request, reply) => {
    const path = request.url.split("?")[0] ?? "/";
    const allowed = methods.filter((method) => app.findRoute({ url: path, method }) !== null);
    // A route that is there and has nothing to give, as for the files of the documentation: then it is not found.
    const offered = allowed.some((method) => method === request.method);
    const problem =
      allowed.length > 0 && !offered
        ? new Problem({
            code: "method-not-allowed",
            detail: `${request.method} is not offered at ${path}; ${allowed.join(", ")} ${allowed.length === 1 ? "is" : "are"}`,
            headers: { allow: allowed.join(", ") },
          })
        : new Problem({
            code: "not-found",
            detail: `there is no route ${path.slice(0, 200)}; GET /openapi.json lists all`,
          });
    if (problem.code === "not-found" && wantsPage(request) && (await sendNoSuchPage(reply))) return reply;
    return sendProblem(problem, request, reply);
  });
});
