/**
 * A request that cannot be done as asked, whoever asked: over HTTP the api answers it as a problem, a worker writes it
 * into the record that it works on.
 */
import type { LimitName } from "../../schemas/access.ts";
import type { ProblemCode } from "../../schemas/problem.ts";

export interface RefusalOptions {
  code: ProblemCode;
  /** One sentence for the person who sent the request: what was wrong and what would be right. */
  detail: string;
  errors?: readonly { pointer: string; detail: string }[];
  cause?: unknown;
  /** Seconds after which it makes sense to try again. */
  retryAfter?: number;
}

export class Refusal extends Error {
  override name = "Refusal";
  readonly code: ProblemCode;
  readonly errors: readonly { pointer: string; detail: string }[];
  readonly retryAfter: number | undefined;

  constructor({ code, detail, errors = [], cause, retryAfter }: RefusalOptions) {
    super(detail, { cause });
    this.code = code;
    this.errors = errors;
    this.retryAfter = retryAfter;
  }
}

const reachedSentences: Record<LimitName, (most: number, used: number) => string> = {
  requestsPerMinute: (most) => `the project may send ${most} requests a minute; try again when the minute is over`,
  queuedJobs: (most) => `the project may have ${most} jobs waiting at once; try again when some have begun`,
  runningJobs: (most) => `the project may have ${most} jobs running at once`,
  storedBytes: (most, used) =>
    `the project may store ${most} bytes and stores ${used}; delete datasets, models, evaluations or jobs that it no longer needs`,
  predictionsAtOnce: (most) => `the project may have ${most} requests for predictions under way at once; try again`,
};
const usualRetrySeconds = 5;

/** A project has as much as it may. */
export const limitReached = (
  name: LimitName,
  { most, used = most, retryAfter = usualRetrySeconds }: { most: number; used?: number; retryAfter?: number },
): Refusal =>
  new Refusal({
    code: "limit-reached",
    detail: `${name}: ${reachedSentences[name](most, used)}`,
    retryAfter,
  });

export const notFound = (what: string): Refusal => new Refusal({ code: "not-found", detail: what });

export const conflict = (detail: string): Refusal => new Refusal({ code: "conflict", detail });

/** A single field of a request that is wrong. */
export const invalid = (pointer: string, detail: string): Refusal =>
  new Refusal({ code: "invalid-request", detail: `${pointer}: ${detail}`, errors: [{ pointer, detail }] });

/** What a job's `validation` or `stopWhen` asks for and its dataset cannot give. */
export const validationDoesNotFit = (errors: readonly { pointer: string; detail: string }[]): Refusal =>
  new Refusal({
    code: "validation-does-not-fit",
    detail: errors.map(({ pointer, detail }) => `${pointer}: ${detail}`).join("; "),
    errors,
  });

/** What is wrong with a network, by pointers below it. */
export function doesNotFit(problems: readonly { pointer: string; detail: string }[]): Refusal {
  const errors = problems.map(({ pointer, detail }) => ({ pointer: `/network${pointer}`, detail }));
  return new Refusal({
    code: "network-does-not-fit",
    detail: errors.map(({ pointer, detail }) => `${pointer}: ${detail}`).join("; "),
    errors,
  });
}
