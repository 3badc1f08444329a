/**
 * The one reader of multipart bodies: parts in order, files as streams that are never held in memory, and a digest of
 * it all for Idempotency-Key.
 */
import { createHash } from "node:crypto";
import { Transform, pipeline } from "node:stream";
import type { Readable } from "node:stream";
import type { Multipart } from "@fastify/multipart";
import type { FastifyRequest } from "fastify";
import { Problem } from "./problem.ts";

export type Part =
  | { kind: "field"; name: string; value: string }
  /**
   * Read `stream` to its end (or destroy it) before asking for the next part. It fails where the file is longer than
   * allowed.
   */
  | { kind: "file"; name: string; filename: string; mimetype: string; stream: Readable };

export interface UploadLimits {
  /** Bytes of one file. */
  fileBytes: number;
  files: number;
  fields: number;
  /** Bytes of one field's text. */
  fieldBytes: number;
}

declare module "fastify" {
  interface FastifyRequest {
    /** SHA-256 over names, file names and contents of all parts, once readParts has come to the end. */
    uploadDigest: string | null;
  }
}

/** What is wrong with a body that the parser could not read. RFC 2046, §5.1.1: a boundary has at most 70 characters. */
function faultOf(error: Error, type: string): string {
  const [, quoted, plain] = /boundary=(?:"([^"]*)"|([^;\s]*))/i.exec(type) ?? [];
  const boundary = quoted ?? plain ?? "";
  if (boundary === "")
    return "Content-Type names no boundary for the multipart body; expected multipart/form-data; boundary=…";
  if (boundary.length > 70)
    return `Content-Type names a boundary of ${boundary.length} characters; expected at most 70`;
  const fault = /unexpected end/i.test(error.message) ? "breaks off before its last boundary" : "cannot be taken apart";
  return `the multipart body ${fault}; expected parts between boundaries, and the last one closed`;
}

/**
 * The parser names its own errors by a code; what has none is a body it could not read, such as one without a boundary
 * or without its end. A sender that is gone is no fault of the storage either.
 */
const explained = (error: unknown, { headers }: FastifyRequest): unknown =>
  error instanceof Error && (!("code" in error) || error.code === "ECONNRESET")
    ? new Problem({
        code: "malformed-body",
        detail: faultOf(error, headers["content-type"] ?? ""),
        cause: error,
      })
    : error;

/** Rejects where the connection closes before the body has come whole: the parser would wait for the rest for ever. */
function brokenOff({ raw }: FastifyRequest): { promise: Promise<never>; forget: () => void } {
  let forget = (): void => undefined;
  const promise = new Promise<never>((_, reject) => {
    const check = (): void => {
      if (!raw.complete)
        reject(new Problem({ code: "malformed-body", detail: "the connection closed before the body was complete" }));
    };
    if (raw.destroyed) check();
    raw.once("close", check);
    forget = () => raw.off("close", check);
  });
  promise.catch(() => undefined);
  return { promise, forget };
}

async function* partsOf(
  request: FastifyRequest,
  limits: UploadLimits,
  gone: Promise<never>,
): AsyncGenerator<Multipart, void, undefined> {
  try {
    const parts = request.parts({
      limits: {
        fileSize: limits.fileBytes,
        files: limits.files,
        fields: limits.fields,
        fieldSize: limits.fieldBytes,
        parts: limits.files + limits.fields,
        fieldNameSize: 200,
        headerPairs: 50,
      },
    });
    for (;;) {
      const next = await Promise.race([parts.next(), gone]);
      if (next.done === true) return;
      yield next.value;
    }
  } catch (error) {
    throw explained(error, request);
  }
}

export async function* readParts(request: FastifyRequest, limits: UploadLimits): AsyncGenerator<Part, void, undefined> {
  if (!request.isMultipart())
    throw new Problem({
      code: "unsupported-media-type",
      detail: "expected multipart/form-data: one part for each file and field",
    });
  const digest = createHash("sha256");
  const gone = brokenOff(request);
  for await (const part of partsOf(request, limits, gone.promise)) {
    const filename = part.type === "file" ? part.filename : null;
    digest.update(`${JSON.stringify([part.type, part.fieldname, filename])}\0`);
    if (part.type === "field") {
      if (part.valueTruncated)
        throw new Problem({
          code: "payload-too-large",
          detail: `the field '${part.fieldname}' is longer than ${limits.fieldBytes} bytes`,
        });
      const value = typeof part.value === "string" ? part.value : JSON.stringify(part.value);
      digest.update(`${Buffer.byteLength(value)}\0`).update(value);
      yield { kind: "field", name: part.fieldname, value };
      continue;
    }
    const tee = new Transform({
      transform(chunk: Buffer, _encoding, done) {
        digest.update(chunk);
        done(null, chunk);
      },
      flush(done) {
        done(
          part.file.truncated
            ? new Problem({
                code: "payload-too-large",
                detail: `the file '${part.filename}' is longer than the ${limits.fileBytes} bytes one file may have`,
              })
            : null,
        );
      },
    });
    const breakOff = (error: unknown): void => void tee.destroy(explained(error, request) as Error);
    // What is short may have broken off before we came to it.
    if (part.file.errored) breakOff(part.file.errored);
    part.file.on("error", breakOff);
    gone.promise.catch(breakOff);
    // A failure reaches whoever reads the stream; a reader that gives up lets the rest of the part run out.
    pipeline(part.file, tee, (error) => {
      if (error) part.file.resume();
    });
    tee.on("error", () => undefined);
    yield { kind: "file", name: part.fieldname, filename: part.filename, mimetype: part.mimetype, stream: tee };
    digest.update("\0end");
  }
  gone.forget();
  request.uploadDigest = digest.digest("hex");
}
