/**
 * The ways to ask a model: JSON, one picture as the body, several as multipart, raw samples. What is asked is looked up
 * before the body is read: it says how long the body may be, and what is not there costs nothing.
 */
import type { Readable } from "node:stream";
import type { FastifyRequest } from "fastify";
import type { z } from "zod";
import { mostInstances, mostRawSamples, rawType, type askingQuery } from "../../../schemas/prediction.ts";
import { sizeOf, type Shape } from "../../../schemas/shape.ts";
import type { Prediction } from "../../prediction/index.ts";
import { readBody, type BodyLimits } from "../http/body.ts";
import { Problem, invalid } from "../http/problem.ts";
import type { App } from "../http/types.ts";
import { readParts } from "../http/uploads.ts";
import { bodyUnchecked } from "../http/validation.ts";
import { fromBytes, fromPictures, joinInstances, mostNumbers, type Instances, type SampleForm } from "./instances.ts";
import type { BodyReader } from "./reader.ts";

export const mostAskingBytes = 32 * 1024 * 1024;
const pictureTypes = ["image/png", "image/jpeg"] as const;
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
      // An instance is a list, or an object with a picture; nested, a list a channel and a row.
      containers: count * (1 + input.channels * (1 + input.height)) + framing,
    },
  };
}

const typeOf = (request: FastifyRequest): string =>
  (request.headers["content-type"] ?? "").split(";")[0].trim().toLowerCase();

/**
 * Lets the routes of an encapsulated app read pictures, raw bytes and large JSON. Bodies stay bytes there: they are
 * checked by `readAsked`, or by the route itself.
 */
export function takeEveryBody(app: App): void {
  app.removeContentTypeParser("application/json");
  app.addContentTypeParser("application/json", async (request: FastifyRequest, payload: Readable) =>
    readBody(request, payload, "json"),
  );
  app.addContentTypeParser([...pictureTypes, rawType], async (request: FastifyRequest, payload: Readable) =>
    readBody(request, payload, "bytes"),
  );
  app.setValidatorCompiler(bodyUnchecked);
}

/** An onRequest hook that looks up what a body will be asked of, and bounds the body by it. */
export function beforeBody<Found extends { input: Shape }>(look: (request: FastifyRequest) => Promise<Found>) {
  const found = new WeakMap<FastifyRequest, Found>();
  return {
    onRequest: async (request: FastifyRequest): Promise<void> => {
      const each = await look(request);
      found.set(request, each);
      request.bodyLimits = askingLimits(each.input, typeOf(request));
    },
    of: (request: FastifyRequest): Found => {
      const each = found.get(request);
      if (!each) throw new Error("this route has not looked up what it is asked of");
      return each;
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
}

/** The bytes of a JSON body; any other type is refused. */
export function jsonBytes(request: FastifyRequest): Buffer {
  const type = typeOf(request);
  if (type === "application/json") return (request.body as Buffer | undefined) ?? Buffer.alloc(0);
  throw new Problem({
    code: "unsupported-media-type",
    detail: `a body of type '${type || "(none)"}' is not read here; send JSON with content-type: application/json`,
  });
}

export interface AskingTools {
  prediction: Prediction;
  reader: BodyReader;
}

/** Reads what was asked, by its Content-Type. */
export async function readAsked(
  request: FastifyRequest,
  query: z.output<typeof askingQuery>,
  { prediction, reader }: AskingTools,
  form: SampleForm,
): Promise<Asked> {
  const type = typeOf(request);
  const { topK } = query;
  if (request.isMultipart()) return { ...(await fromUpload(request, prediction, form)), topK };
  const body = request.body as Buffer | undefined;
  if (type === "application/json") {
    const read = await reader.read("instances", jsonBytes(request), form.input);
    return { ...(await joinInstances(prediction, read, form)), topK: read.topK };
  }
  if (body !== undefined && type === rawType) return { ...fromBytes(body, query.dtype, form.input), topK };
  if (body !== undefined && (pictureTypes as readonly string[]).includes(type))
    return { ...(await fromPictures(prediction, [{ bytes: body, pointer: "" }], form)), topK };
  throw new Problem({
    code: "unsupported-media-type",
    detail: `a body of type '${type || "(none)"}' is not read here; send JSON, image/png, image/jpeg, multipart/form-data or ${rawType}`,
  });
}
