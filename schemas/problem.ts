/** What the API answers when it cannot do as asked (RFC 9457). The list of codes is closed. */
import { z } from "zod";

/** code → [status, title]. docs/PROBLEMS.md explains each; a law compares the two. */
export const problemCodes = {
  "invalid-request": [400, "The request is not valid"],
  "malformed-body": [400, "The body cannot be read"],
  unauthorized: [401, "A valid key is needed"],
  forbidden: [403, "The key does not allow this"],
  "cross-site": [403, "Another site may not do this"],
  "not-found": [404, "There is no such thing"],
  "method-not-allowed": [405, "This method is not offered here"],
  "request-timeout": [408, "The request did not arrive in time"],
  conflict: [409, "The present state does not allow this"],
  "in-use": [409, "Others still need this"],
  "idempotency-in-flight": [409, "A request with this Idempotency-Key is still under way"],
  gone: [410, "This existed and was removed"],
  "payload-too-large": [413, "The body is too large"],
  "unsupported-media-type": [415, "This type of body is not read here"],
  "expectation-failed": [417, "This expectation cannot be met"],
  misdirected: [421, "This name is not served here"],
  "network-does-not-fit": [422, "The network does not fit its input"],
  "validation-does-not-fit": [422, "The dataset has no validation of this kind"],
  "invalid-data": [422, "The data cannot be read"],
  "idempotency-mismatch": [422, "This Idempotency-Key was used with another request"],
  "too-many-requests": [429, "Too many requests"],
  "limit-reached": [429, "The project has as much as it may"],
  internal: [500, "Something failed on our side"],
  "stored-damaged": [500, "Something that was stored is damaged"],
  "storage-unavailable": [503, "Storage cannot be reached"],
  "redis-unavailable": [503, "Redis cannot be reached"],
  overloaded: [503, "The service is overloaded"],
  "insufficient-storage": [507, "There is not enough space"],
} as const satisfies Record<string, readonly [number, string]>;
export type ProblemCode = keyof typeof problemCodes;

export const fault = z.strictObject({
  pointer: z
    .string()
    .describe(
      "JSON pointer to the field at fault in the body; /query/…, /path/… and /headers/… lead elsewhere in the request; empty: the whole",
    ),
  detail: z.string().describe("what is wrong with this field, and what would be right"),
});

export const problem = z.strictObject({
  type: z.string().describe("where the code is explained: a path of this service, /problems/{code}"),
  title: z.string().describe("what kind of problem it is, in a few words; the same for every problem of its code"),
  status: z.int().describe("the HTTP status again"),
  detail: z.string().describe("what is wrong here, where, and what would be right; its wording may change"),
  instance: z.string().describe("the path that was asked for"),
  code: z
    .enum(Object.keys(problemCodes) as [ProblemCode, ...ProblemCode[]])
    .describe("the kind for programs: the list is closed and a code never changes its meaning"),
  errors: z.array(fault).describe("one entry for each fault that was found; empty where no single field is at fault"),
  error: z.string().optional().describe("the detail again, under /v2: where clients of that protocol look for it"),
});
export type Problem = z.infer<typeof problem>;

export const problemParams = z.strictObject({
  code: z.string().describe("a code of a problem, an error or a warning, such as network-does-not-fit or diverged"),
});
