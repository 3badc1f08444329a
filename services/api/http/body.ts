/** Reads a body into memory: bounded, accounted for, and looked at while it comes. */
import type { Readable } from "node:stream";
import type { FastifyRequest } from "fastify";
import { pictureKind } from "../../shared/pictures.ts";
import { JsonMeter, type JsonLimits } from "./json-meter.ts";
import { Problem } from "./problem.ts";

export interface BodyLimits {
  bytes: number;
  /** For a JSON body. */
  json: JsonLimits;
  /** A JSON body that says it is no longer is not counted while it comes: all it can hold is read in little time. */
  harmlessBytes?: number;
}

/** A job with connection tables as long as its body may be. */
export const usualLimits: BodyLimits = {
  bytes: 1024 * 1024,
  json: { containers: 131_072, names: 8192, values: 524_288 },
};

declare module "fastify" {
  interface FastifyRequest {
    /** Set before the body is read by a route that takes other bodies than the usual ones. */
    bodyLimits: BodyLimits | null;
  }
}

const tooLong = (bytes: number): Problem =>
  new Problem({ code: "payload-too-large", detail: `the body is longer than the ${bytes} bytes this route takes` });

/** So long a body cannot have more lists, objects or values than it may, whatever is in it. */
const harmless = ({ containers, values }: JsonLimits): number => Math.min(containers, values);

/** Takes the body's chunks until it ends or `take` throws; the connection survives a refusal, to carry it. */
function takeChunks(payload: Readable, take: (chunk: Buffer) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (then: () => void): void => {
      payload.off("data", onData).off("end", onEnd).off("error", onBroken).off("close", onBroken);
      then();
    };
    const fail = (error: Error): void => settle(() => reject(error));
    const onData = (chunk: Buffer): void => {
      try {
        take(chunk);
      } catch (error) {
        payload.pause();
        fail(error as Error);
      }
    };
    const onEnd = (): void => settle(resolve);
    // A sender that goes away half-way is a body that cannot be read, not a fault of ours.
    const onBroken = (cause?: unknown): void =>
      fail(new Problem({ code: "malformed-body", detail: "the body broke off before its end", cause }));
    payload.on("data", onData).on("end", onEnd).on("error", onBroken).on("close", onBroken);
  });
}

/** A body of several pieces as they came: put together only for who needs it so. */
export class SplitBody {
  readonly pieces: readonly Buffer[];
  #whole: Buffer | null = null;

  constructor(pieces: readonly Buffer[]) {
    this.pieces = pieces;
  }

  get whole(): Buffer {
    return (this.#whole ??= Buffer.concat(this.pieces));
  }
}

export async function readPieces(
  request: FastifyRequest,
  payload: Readable,
  kind: "json" | "bytes",
): Promise<Buffer[]> {
  const { bytes, json, harmlessBytes = harmless(json) } = request.bodyLimits ?? usualLimits;
  const declared = request.headers["content-length"];
  if (declared !== undefined && Number(declared) > bytes) throw tooLong(bytes);
  let meter = kind === "json" && !(Number(declared) <= harmlessBytes) ? new JsonMeter(json) : null;
  const chunks: Buffer[] = [];
  let length = 0;
  await takeChunks(payload, (chunk) => {
    length += chunk.length;
    if (length > bytes) throw tooLong(bytes);
    request.hold(chunk.length);
    // Nothing that begins like a picture is parsed as JSON.
    if (chunks.length === 0 && meter && pictureKind(chunk) !== null) meter = null;
    meter?.add(chunk);
    chunks.push(chunk);
  });
  return chunks;
}

export async function readBody(request: FastifyRequest, payload: Readable, kind: "json" | "bytes"): Promise<Buffer> {
  const chunks = await readPieces(request, payload, kind);
  return chunks.length === 1 ? chunks[0] : Buffer.concat(chunks);
}
