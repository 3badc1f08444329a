/**
 * Answers as JSON. A short one is compared with its schema, so that a mistake of ours is found where it is made; the
 * comparison of a long one would hold up everybody else for longer than it takes to write it.
 */
import { ResponseSerializationError } from "fastify-type-provider-zod";
import type { FastifySerializerCompiler } from "fastify";
import { z } from "zod";

const comparedCharacters = 32 * 1024;

/** The text of an answer. Throws zod's error where a short one is not what the schema says. */
export function answerText(schema: z.ZodType, answer: unknown): string {
  const text = JSON.stringify(answer);
  if (text.length <= comparedCharacters) schema.parse(answer);
  return text;
}

export const answerSerializer: FastifySerializerCompiler<z.ZodType | { properties: z.ZodType }> =
  ({ schema, method, url }) =>
  (answer: unknown) => {
    if (answer === undefined) return "";
    if (!(schema instanceof z.ZodType)) return JSON.stringify(answer);
    try {
      return answerText(schema, answer);
    } catch (error) {
      throw new ResponseSerializationError(method, url, { cause: error as z.ZodError });
    }
  };
