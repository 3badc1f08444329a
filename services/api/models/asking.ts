/**
 * The ways to ask a model: JSON, one picture as the body, several as multipart, raw samples. A body is read as what it
 * is: many clients send a picture or JSON under another type, or under none. What is asked is looked up before the body
 * is read: it says how long the body may be, and what is not there costs nothing.
 */
import type { Readable } from "node:stream";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { z } from "zod";
import type { Numerics } from "../../../schemas/job.ts";
import {
  mostInstances,
  mostRawSamples,
  rawType,
  readablePictureTypes,
  type askingQuery,
} from "../../../schemas/prediction.ts";
import { sizeOf, type Shape } from "../../../schemas/shape.ts";
import type { Prediction } from "../../prediction/index.ts";
import { fromBase64 } from "../../shared/base64.ts";
import { pictureKind } from "../../shared/pictures.ts";
import { SplitBody, readBody, readPieces, type BodyLimits, type BodyRead } from "../http/body.ts";
import { JsonMeter } from "../http/json-meter.ts";
import { Problem, invalid } from "../http/problem.ts";
import type { App } from "../http/types.ts";
import { readParts } from "../http/uploads.ts";
import { bodyUnchecked } from "../http/validation.ts";
import { fromPictures, fromPieces, joinInstances, mostNumbers, type Instances, type SampleForm } from "./instances.ts";
import { smallBytes, type BodyReader } from "./reader.ts";
import type { ReadInstances } from "./reading.ts";

export const mostAskingBytes = 32 * 1024 * 1024;
const jsonType = "application/json";
const pictureTypes: ReadonlySet<string> = new Set(readablePictureTypes);
const readableBodies = [
  "JSON",
  `a picture (${readablePictureTypes.join(", ")})`,
  "multipart/form-data with one file a picture",
  `or raw samples as ${rawType}`,
].join(", ");
const uploadLimits = { fileBytes: mostAskingBytes, files: 256, fields: 4, fieldBytes: 64 } as const;
/** Besides the instances that fit: names and parameters, and enough of what does not fit to say what is wrong. */
const framing = 131_072;

/** How long a body with inputs of this shape may be: as many as an answer takes, in the most roundabout form. */
export function askingLimits(input: Shape, type: string): BodyLimits {
  const size = sizeOf(input);
  const count = Math.min(mostInstances, Math.max(1, Math.floor(mostNumbers / size)));
  return {
    bytes: type === rawType ? Math.min(mostAskingBytes, mostRawSamples * size * 4) : mostAskingBytes,
    json: {
      values: count * size + framing,
      names: mostInstances + framing,
      // An instance is a list, or an object with a picture; nested, a list a channel and a row.
      containers: count * (1 + input.channels * (1 + input.height)) + framing,
    },
    harmlessBytes: smallBytes,
  };
}

/** Of inputs of a shape, found once for raw samples and once for all other bodies. */
const foundLimits = new WeakMap<Shape, { raw: BodyLimits; other: BodyLimits }>();

function limitsOf(input: Shape, type: string): BodyLimits {
  let found = foundLimits.get(input);
  if (!found) {
    found = { raw: askingLimits(input, rawType), other: askingLimits(input, jsonType) };
    foundLimits.set(input, found);
  }
  return type === rawType ? found.raw : found.other;
}

/** The body's type without its parameters. Most clients write the usual ones as they are. */
function typeOf({ headers }: FastifyRequest): string {
  const given = headers["content-type"] ?? "";
  return given === jsonType || given === rawType ? given : given.split(";")[0].trim().toLowerCase();
}

/**
 * Lets the routes of an encapsulated app read bodies of any type and of none, large JSON among them. Bodies stay bytes
 * there: they are checked by `readAsked`, or by the route itself.
 */
export function takeEveryBody(app: App): void {
  app.removeContentTypeParser("application/json");
  app.addContentTypeParser("application/json", (request: FastifyRequest, payload: Readable, done: BodyRead) =>
    readBody({ request, payload, kind: "json" }, (body) => body, done),
  );
  app.removeContentTypeParser("text/plain");
  const unlessOne = (pieces: readonly Buffer[]): unknown => (pieces.length === 1 ? pieces[0] : new SplitBody(pieces));
  app.addContentTypeParser("*", (request: FastifyRequest, payload: Readable, done: BodyRead) =>
    readPieces({ request, payload, kind: "bytes" }, unlessOne, done),
  );
  app.setValidatorCompiler(bodyUnchecked);
}

declare module "fastify" {
  interface FastifyRequest {
    /** What `beforeBody` found. */
    lookedUp: unknown;
  }
}

/**
 * An onRequest hook that looks up what a body will be asked of, and bounds the body by it; at once where it is at
 * hand.
 */
export function beforeBody<Found extends { input: Shape }>(look: (request: FastifyRequest) => Found | Promise<Found>) {
  const take = (request: FastifyRequest, each: Found): void => {
    request.lookedUp = each;
    request.bodyLimits = limitsOf(each.input, typeOf(request));
  };
  return {
    onRequest: (request: FastifyRequest, _reply: FastifyReply, done: (error?: Error) => void): void => {
      const each = look(request);
      if (!(each instanceof Promise)) {
        take(request, each);
        return done();
      }
      void each
        .then((later) => take(request, later))
        .then(
          () => process.nextTick(done),
          (error: unknown) => process.nextTick(done, error),
        );
    },
    of: (request: FastifyRequest): Found => {
      if (request.lookedUp === null) throw new Error("this route has not looked up what it is asked of");
      return request.lookedUp as Found;
    },
  };
}

async function fromUpload(request: FastifyRequest, prediction: Prediction, form: SampleForm): Promise<Instances> {
  const pictures: { bytes: Uint8Array; pointer: string }[] = [];
  let total = 0;
  for await (const part of readParts(request, uploadLimits)) {
    if (part.kind === "field") throw invalid(`/${part.name}`, "expected files alone; topK goes into the query");
    const chunks: Buffer[] = [];
    for await (const chunk of part.stream as AsyncIterable<Buffer>) {
      total += chunk.length;
      if (total > mostAskingBytes)
        throw new Problem({
          code: "payload-too-large",
          detail: `these pictures have more than ${mostAskingBytes} bytes together`,
        });
      request.hold(chunk.length);
      chunks.push(chunk);
    }
    pictures.push({ bytes: Buffer.concat(chunks), pointer: `/${part.name}/${part.filename || pictures.length}` });
  }
  if (pictures.length === 0)
    throw new Problem({ code: "invalid-request", detail: "the form has no file: send one part a picture" });
  return fromPictures(prediction, pictures, form);
}

export interface Asked extends Instances {
  topK: number;
  /** Undefined: those of the model. */
  numerics?: Numerics | undefined;
}

export interface AskingTools {
  prediction: Prediction;
  reader: BodyReader;
}

interface Context extends AskingTools {
  query: z.output<typeof askingQuery>;
  form: SampleForm;
}

function fromJson(bytes: Buffer, context: Context): Asked | Promise<Asked> {
  const read = context.reader.read("instances", bytes, { input: context.form.input, jsonLength: null });
  return read instanceof Promise ? read.then((later) => joined(later, context)) : joined(read, context);
}

function joined(read: ReadInstances, { prediction, form, query }: Context): Asked | Promise<Asked> {
  const { topK, numerics = query.numerics } = read;
  const instances = joinInstances(prediction, read, form);
  if (instances instanceof Promise) return instances.then((later) => ({ ...later, topK, numerics }));
  const { samples, count, conversion } = instances;
  return { samples, count, conversion, topK, numerics };
}

function fromRaw(
  pieces: readonly Uint8Array[],
  { dtype, topK, numerics }: z.output<typeof askingQuery>,
  { input }: SampleForm,
): Asked {
  const { samples, count, conversion } = fromPieces(pieces, dtype, input);
  return { samples, count, conversion, topK, numerics };
}

const openingBrace = 0x7b;
const endOfJpeg = Buffer.from([0xff, 0xd9]);

/**
 * Raw samples may begin like a JPEG by chance, whose mark has three bytes: they are one only if it ends like one. The
 * other kinds' marks are long.
 */
function isPicture(body: Buffer, { form }: Context): boolean {
  const kind = pictureKind(body);
  if (kind !== "jpeg") return kind !== null;
  return body.length % sizeOf(form.input) !== 0 || body.includes(endOfJpeg, Math.max(0, body.length - 64));
}

const begins = (body: Buffer, pattern: RegExp): boolean => pattern.test(body.toString("latin1", 0, 64));

function fromBody(body: Buffer, type: string, context: Context): Asked | Promise<Asked> {
  const { query, prediction, form } = context;
  const { topK, numerics } = query;
  const picture = async (bytes: Uint8Array): Promise<Asked> => ({
    ...(await fromPictures(prediction, [{ bytes, pointer: "" }], form)),
    topK,
    numerics,
  });
  const isJson = type === jsonType;
  if (isJson && body[0] === openingBrace) return fromJson(body, context);
  if (isPicture(body, context)) return picture(body);
  if (type === rawType) return fromRaw([body], query, form);
  const linked = begins(body, /^\s*data:image\//i) ? fromBase64(body.toString("latin1")) : null;
  if (linked) return picture(linked);
  if (isJson) return fromJson(body, context);
  if (begins(body, /^(\u00ef\u00bb\u00bf)?\s*\{/)) {
    new JsonMeter(askingLimits(form.input, type).json).add(body);
    return fromJson(body, context);
  }
  // What says that it is a picture of a kind that is read hears what is wrong with it.
  if (pictureTypes.has(type)) return picture(body);
  throw new Problem({
    code: "unsupported-media-type",
    detail: `a body of type '${type || "(none)"}' that is no picture of a known kind is not read here; send ${readableBodies}`,
  });
}

/** So much of a body says what it is. */
const headBytes = 64;

/** Whether the first piece shows that raw samples are nothing else: they need not be put together. */
const isSurelyRaw = ([first]: readonly Buffer[], type: string): boolean =>
  type === rawType && first.length >= headBytes && pictureKind(first) === null;

/** Reads what was asked, at once where nothing has to be waited for. Throws a problem. */
export function readAsked(
  request: FastifyRequest,
  query: z.output<typeof askingQuery>,
  { prediction, reader }: AskingTools,
  form: SampleForm,
): Asked | Promise<Asked> {
  if (request.isMultipart()) {
    const { topK, numerics } = query;
    return fromUpload(request, prediction, form).then((instances) => ({ ...instances, topK, numerics }));
  }
  const type = typeOf(request);
  const body = request.body as Buffer | SplitBody | undefined;
  if (body instanceof SplitBody && isSurelyRaw(body.pieces, type)) return fromRaw(body.pieces, query, form);
  const whole = body instanceof SplitBody ? body.whole : (body ?? Buffer.alloc(0));
  return fromBody(whole, type, { prediction, reader, query, form });
}
