/**
 * The ways to ask a model: JSON, one picture as the body, several as multipart, raw samples. Read into samples,
 * whatever the way.
 */
import type { FastifyRequest } from "fastify";
import type { z } from "zod";
import { predictionRequest, rawType, type askingQuery } from "../../../schemas/prediction.ts";
import type { Prediction } from "../../prediction/index.ts";
import { fromBytes, fromJson, fromPictures, type Instances, type SampleForm } from "./instances.ts";
import { Problem, invalid } from "../http/problem.ts";
import type { App } from "../http/types.ts";
import { readParts } from "../http/uploads.ts";
import { bodyUnchecked, parseOrThrow } from "../http/validation.ts";

export const mostAskingBytes = 32 * 1024 * 1024;
const pictureTypes = ["image/png", "image/jpeg"] as const;
const uploadLimits = { fileBytes: mostAskingBytes, files: 256, fields: 4, fieldBytes: 64 } as const;

/**
 * Lets a route read pictures and raw bytes. To be called on an encapsulated app; bodies there are checked by
 * `readAsked`, not before.
 */
export function takeEveryBody(app: App): void {
  app.addContentTypeParser(
    [...pictureTypes, rawType],
    { parseAs: "buffer", bodyLimit: mostAskingBytes },
    (_request, body, done) => done(null, body),
  );
  app.setValidatorCompiler(bodyUnchecked);
}

async function fromUpload(request: FastifyRequest, prediction: Prediction, form: SampleForm): Promise<Instances> {
  const pictures: { bytes: Uint8Array; pointer: string }[] = [];
  let total = 0;
  for await (const part of readParts(request, uploadLimits)) {
    if (part.kind === "field") throw invalid(`/${part.name}`, "expected files alone; topK goes into the query");
    const chunks: Buffer[] = [];
    for await (const chunk of part.stream) {
      total += (chunk as Buffer).length;
      if (total > mostAskingBytes)
        throw new Problem({
          code: "payload-too-large",
          detail: `these pictures have more than ${mostAskingBytes} bytes together`,
        });
      chunks.push(chunk as Buffer);
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

/** Reads what was asked, by its Content-Type. */
export async function readAsked(
  request: FastifyRequest,
  query: z.output<typeof askingQuery>,
  prediction: Prediction,
  form: SampleForm,
): Promise<Asked> {
  const type = (request.headers["content-type"] ?? "").split(";")[0].trim().toLowerCase();
  const topK = query.topK;
  if (request.isMultipart()) return { ...(await fromUpload(request, prediction, form)), topK };
  if (type === "application/json") {
    const asked = parseOrThrow(predictionRequest, request.body);
    return { ...(await fromJson(prediction, asked.instances, form)), topK: asked.topK };
  }
  if (type === rawType) return { ...fromBytes(request.body as Buffer, query.dtype, form.input), topK };
  if ((pictureTypes as readonly string[]).includes(type))
    return { ...(await fromPictures(prediction, [{ bytes: request.body as Buffer, pointer: "" }], form)), topK };
  throw new Problem({
    code: "unsupported-media-type",
    detail: `a body of type '${type || "(none)"}' is not read here; send JSON, image/png, image/jpeg, multipart/form-data or ${rawType}`,
  });
}
