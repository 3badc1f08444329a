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

/**
 * Takes the body's chunks until it ends or `take` throws; the connection survives a refusal, to carry it. Callbacks, as
 * all of a body's way: a small one comes with its request, and promises would cost more than reading it.
 */
function takeChunks(payload: Readable, take: (chunk: Buffer) => void, done: (error: Error | null) => void): void {
  // Listeners stay: to take them off one by one costs more than to ask here whether it is over.
  let isOver = false;
  const end = (error: Error | null): void => {
    if (isOver) return;
    isOver = true;
    done(error);
  };
  // A sender that goes away half-way is a body that cannot be read, not a fault of ours.
  const onBroken = (cause?: unknown): void => {
    if (!isOver) end(new Problem({ code: "malformed-body", detail: "the body broke off before its end", cause }));
  };
  payload
    .on("data", (chunk: Buffer) => {
      if (isOver) return;
      try {
        take(chunk);
      } catch (error) {
        payload.pause();
        end(error as Error);
      }
    })
    .on("end", () => end(null))
    .on("error", onBroken)
    .on("close", onBroken);
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

/** A body on its way. */
export interface Incoming {
  request: FastifyRequest;
  payload: Readable;
  kind: "json" | "bytes";
}

/** What Fastify calls a parser of bodies with. */
export type BodyRead = (error: Error | null, body?: unknown) => void;

/** Hands the pieces to `make`, and what that makes of them to `done`; throws for a body that says it is too long. */
export function readPieces(
  { request, payload, kind }: Incoming,
  make: (pieces: readonly Buffer[]) => unknown,
  done: BodyRead,
): void {
  const { bytes, json, harmlessBytes = harmless(json) } = request.bodyLimits ?? usualLimits;
  const declared = request.headers["content-length"];
  if (declared !== undefined && Number(declared) > bytes) throw tooLong(bytes);
  let meter = kind === "json" && !(Number(declared) <= harmlessBytes) ? new JsonMeter(json) : null;
  const chunks: Buffer[] = [];
  let length = 0;
  const take = (chunk: Buffer): void => {
    length += chunk.length;
    if (length > bytes) throw tooLong(bytes);
    request.hold(chunk.length);
    // Nothing that begins like a picture is parsed as JSON.
    if (chunks.length === 0 && meter && pictureKind(chunk) !== null) meter = null;
    meter?.add(chunk);
    chunks.push(chunk);
  };
  takeChunks(payload, take, (error) => {
    if (error) return done(error);
    let body: unknown;
    try {
      body = make(chunks);
    } catch (refused) {
      return done(refused as Error);
    }
    done(null, body);
  });
}

const wholeOf = (pieces: readonly Buffer[]): Buffer => (pieces.length === 1 ? pieces[0] : Buffer.concat(pieces));

/** The same with the body in one piece. */
export function readBody(incoming: Incoming, make: (body: Buffer) => unknown, done: BodyRead): void {
  readPieces(incoming, (pieces) => make(wholeOf(pieces)), done);
}
