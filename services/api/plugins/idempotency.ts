/**
 * Idempotency-Key on every write: the same key and body get the first answer again, another body 422, one still under
 * way 409. Refusals are not kept: what changed nothing may be tried again. Nor is an answer with a secret: the
 * repetition hears 409.
 */
import { createHash } from "node:crypto";
import type { FastifyContextConfig, FastifyReply, FastifyRequest } from "fastify";
import plugin from "fastify-plugin";
import type { Records, StoredAnswer } from "../../shared/records/index.ts";
import { SplitBody } from "../http/body.ts";
import { Problem } from "../http/problem.ts";
import type { App } from "../http/types.ts";
import { readParts } from "../http/uploads.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** The ULID of what this write makes: the same one again when an earlier try with this key died half-way. */
    ulid: string;
    idempotency: { scope: string; key: string } | null;
  }
}

const writes = new Set(["POST", "PUT", "PATCH", "DELETE"]);

/**
 * Whether a repetition of such a request is recognised: of a write. A question is answered anew, and a session, whose
 * route is open, would be given to whoever repeats it.
 */
export const isRecognised = (method: string, { access, changesNothing }: FastifyContextConfig): boolean =>
  writes.has(method) && changesNothing !== true && access !== undefined && access !== "open";

const lifeSeconds = 24 * 3600;
/** A write under way renews its lease; that of a process that died runs out, and the write may be tried again. */
const leaseSeconds = 10;
const renewEveryMs = 3000;
const mostAnswerBytes = 4 * 1024 * 1024;
/** Where the answer to an upload keeps the digest of what was uploaded; never sent. */
const digestHeader = "x-upload-digest";
const keptHeaders = ["content-type", "location", "etag"];

const sha256 = (...parts: (string | Uint8Array)[]): string => {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part).update("\0");
  return hash.digest("hex");
};

function fingerprint(request: FastifyRequest): string {
  const query = request.url.split("?")[1] ?? "";
  if (request.isMultipart()) return sha256("multipart", query);
  const body = request.body instanceof SplitBody ? request.body.whole : request.body;
  return sha256("whole", query, body instanceof Uint8Array ? body : JSON.stringify(body ?? null));
}

async function replay(request: FastifyRequest, reply: FastifyReply, answer: StoredAnswer): Promise<FastifyReply> {
  const { [digestHeader]: digest, ...headers } = answer.headers;
  if (digest !== undefined) {
    const limits = { fileBytes: Number.MAX_SAFE_INTEGER, files: 100, fields: 100, fieldBytes: 1024 * 1024 };
    for await (const part of readParts(request, limits))
      if (part.kind === "file") for await (const _chunk of part.stream);
    if (request.uploadDigest !== digest) throw mismatch();
  }
  return reply
    .code(answer.status)
    .headers(headers)
    .header("idempotency-replayed", "true")
    .serializer((body: unknown) => body as string)
    .send(answer.body);
}

const mismatch = (): Problem =>
  new Problem({
    code: "idempotency-mismatch",
    detail: "this Idempotency-Key came before with another body or query; use a new key for a new request",
  });

async function claim(
  records: Records["idempotency"],
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply | undefined> {
  const given = request.headers["idempotency-key"];
  if (given === undefined || !isRecognised(request.method, request.routeOptions.config)) return undefined;
  if (typeof given !== "string" || !/^[\x21-\x7e]{1,255}$/.test(given)) {
    throw new Problem({
      code: "invalid-request",
      detail: "Idempotency-Key: expected 1 to 255 visible ASCII characters",
      errors: [{ pointer: "/headers/idempotency-key", detail: "expected 1 to 255 visible ASCII characters" }],
    });
  }
  // Another project's keys are no concern of this one's.
  const caller = request.bearer?.project ?? "";
  const scope = sha256(caller, request.method, request.url.split("?")[0] ?? "").slice(0, 32);
  const key = sha256(given).slice(0, 32);
  const claimed = await records.claim({
    scope,
    key,
    fingerprint: fingerprint(request),
    ulid: request.ulid,
    leaseSeconds,
    lifeSeconds,
  });
  switch (claimed.kind) {
    case "fresh":
      request.ulid = claimed.ulid;
      request.idempotency = { scope, key };
      return undefined;
    case "in-flight":
      throw new Problem({
        code: "idempotency-in-flight",
        detail: "the first request with this Idempotency-Key has not been answered yet; ask again in a moment",
        retryAfter: 1,
      });
    case "mismatch":
      throw mismatch();
    case "answered":
      return replay(request, reply, claimed.answer);
  }
}

/** What is kept in place of an answer that is shown once, such as a new key. */
function shownOnce(request: FastifyRequest, reply: FastifyReply): StoredAnswer {
  const made = String(reply.getHeader("location") ?? "what it makes");
  const problem = new Problem({
    code: "conflict",
    detail: `the first request with this Idempotency-Key made ${made}, and its answer was shown once; where it did not arrive, delete that and send the request with a new key`,
  });
  const body = JSON.stringify(problem.body(request.url.split("?", 1)[0] ?? ""));
  return { status: problem.statusCode, headers: { "content-type": "application/problem+json" }, body };
}

/** Keeps a success, gives the key free after anything else. */
async function settle(
  records: Records["idempotency"],
  request: FastifyRequest,
  reply: FastifyReply,
  payload: unknown,
): Promise<void> {
  const entry = request.idempotency;
  if (!entry) return;
  request.idempotency = null;
  const text = typeof payload === "string" ? payload : payload === undefined || payload === null ? "" : null;
  const keep = reply.statusCode >= 200 && reply.statusCode < 300 && text !== null && text.length <= mostAnswerBytes;
  if (!keep) return records.forget(entry);
  if (reply.getHeader("cache-control") === "no-store")
    return records.answer({ ...entry, answer: shownOnce(request, reply) });
  const headers = Object.fromEntries(
    keptHeaders.flatMap((name) => (reply.hasHeader(name) ? [[name, String(reply.getHeader(name))]] : [])),
  );
  if (request.uploadDigest !== null) headers[digestHeader] = request.uploadDigest;
  await records.answer({ ...entry, answer: { status: reply.statusCode, headers, body: text } });
}

export const idempotency = plugin(async (app: App, { records }: { records: Records["idempotency"] }) => {
  const underWay = new Set<FastifyRequest>();
  const renew = (request: FastifyRequest): void => {
    const entry = request.idempotency;
    if (!entry) return void underWay.delete(request);
    records
      .renew({ ...entry, ulid: request.ulid, leaseSeconds })
      .catch((error: unknown) => request.log.debug({ err: error }, "a lease could not be renewed"));
  };
  const timer = setInterval(() => underWay.forEach(renew), renewEveryMs);
  timer.unref();
  app.addHook("onClose", async () => clearInterval(timer));
  app.decorateRequest("ulid", "");
  app.decorateRequest("idempotency", null);
  app.addHook("onRequest", (request, _reply, done) => {
    request.ulid = request.id;
    done();
  });
  const begin = async (request: FastifyRequest, reply: FastifyReply): Promise<boolean> => {
    const replayed = await claim(records, request, reply);
    if (request.idempotency) {
      underWay.add(request);
      reply.raw.once("close", () => underWay.delete(request));
    }
    return replayed === undefined;
  };
  const keep = (request: FastifyRequest, reply: FastifyReply, payload: unknown): Promise<void> =>
    settle(records, request, reply, payload).catch((error: unknown) =>
      request.log.warn({ err: error }, "the answer to an Idempotency-Key could not be kept"),
    );
  // Most requests have no key: for them these hooks are over at once.
  app.addHook("preHandler", (request, reply, done) => {
    if (request.headers["idempotency-key"] === undefined) return done();
    void begin(request, reply).then(
      (goesOn) => (goesOn ? process.nextTick(done) : undefined),
      (error: unknown) => process.nextTick(done, error),
    );
  });
  app.addHook("onSend", (request, reply, payload, done) => {
    if (!request.idempotency) return done(null, payload);
    void keep(request, reply, payload).then(() => process.nextTick(done, null, payload));
  });
});
