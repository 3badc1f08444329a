/** Answers that are no JSON, as the OpenAPI document tells of them. */
import { z } from "zod";

const bytes = z.custom<Uint8Array>(() => true).meta({ type: "string", format: "binary" });

export const pngAnswer = (description: string) => ({ description, content: { "image/png": { schema: bytes } } });
