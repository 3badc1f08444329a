/** Answers that are no JSON, as the OpenAPI document tells of them and as a route sends them. */
import type { Readable } from "node:stream";
import { z } from "zod";

const bytes = z.custom<Uint8Array | Readable>(() => true);

export const binary = bytes.meta({ type: "string" });

export const pngAnswer = (description: string) => ({
  description,
  content: { "image/png": { schema: bytes.meta({ type: "string", format: "binary" }) } },
});

export const fileAnswer = (description: string, mediaType = "application/octet-stream") => ({
  description,
  content: { [mediaType]: { schema: binary } },
});
