/** An answer that is not a success, thrown from anywhere in the api and written by plugins/problems. */
import { problemCodes, type Problem as ProblemBody, type ProblemCode } from "../../../schemas/problem.ts";

export interface ProblemOptions {
  code: ProblemCode;
  /** One sentence for the person who sent the request: what was wrong and what would be right. */
  detail: string;
  errors?: readonly { pointer: string; detail: string }[];
  /** Seconds after which it makes sense to try again: becomes Retry-After. */
  retryAfter?: number;
  headers?: Readonly<Record<string, string>>;
  cause?: unknown;
}

export class Problem extends Error {
  override readonly name = "Problem";
  readonly code: ProblemCode;
  readonly statusCode: number;
  readonly errors: readonly { pointer: string; detail: string }[];
  readonly headers: Readonly<Record<string, string>>;

  constructor({ code, detail, errors = [], retryAfter, headers = {}, cause }: ProblemOptions) {
    super(detail, { cause });
    this.code = code;
    this.statusCode = problemCodes[code][0];
    this.errors = errors;
    this.headers = retryAfter === undefined ? headers : { ...headers, "retry-after": String(Math.ceil(retryAfter)) };
  }

  /** The RFC 9457 document. `instance` is the path of the request. */
  body(instance: string): ProblemBody {
    const [status, title] = problemCodes[this.code];
    return {
      type: `/problems/${this.code}`,
      title,
      status,
      detail: this.message,
      instance,
      code: this.code,
      errors: [...this.errors],
    };
  }
}

export const notFound = (what: string): Problem => new Problem({ code: "not-found", detail: what });

/** Somebody still needs it. The list is whole, the sentence names a few: there may be thousands. */
export function inUse(what: string, users: readonly string[], urlOf: (user: string) => string): Problem {
  const few = users.slice(0, 5).join(", ");
  const detail = `${what} is still needed by ${few}${users.length > 5 ? ` and ${users.length - 5} more` : ""}; delete these first`;
  return new Problem({ code: "in-use", detail, errors: users.map((user) => ({ pointer: "", detail: urlOf(user) })) });
}

export const conflict = (detail: string): Problem => new Problem({ code: "conflict", detail });

/** A single field of a request that is wrong. */
export const invalid = (pointer: string, detail: string): Problem =>
  new Problem({ code: "invalid-request", detail: `${pointer}: ${detail}`, errors: [{ pointer, detail }] });

/** What is wrong with a network, by pointers below it. */
export function doesNotFit(problems: readonly { pointer: string; detail: string }[]): Problem {
  const errors = problems.map(({ pointer, detail }) => ({ pointer: `/network${pointer}`, detail }));
  return new Problem({
    code: "network-does-not-fit",
    detail: errors.map(({ pointer, detail }) => `${pointer}: ${detail}`).join("; "),
    errors,
  });
}
