/** An answer that is not a success, thrown from anywhere in the api and written by plugins/problems. */
import { problemCodes, type Problem as ProblemBody } from "../../../schemas/problem.ts";
import { Refusal, type RefusalOptions } from "../../shared/refusal.ts";

export { Refusal, conflict, doesNotFit, invalid, notFound } from "../../shared/refusal.ts";

export interface ProblemOptions extends RefusalOptions {
  headers?: Readonly<Record<string, string>>;
}

export class Problem extends Refusal {
  override name = "Problem";
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor({ retryAfter, headers = {}, ...refusal }: ProblemOptions) {
    super(refusal);
    this.statusCode = problemCodes[this.code][0];
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

/** Somebody still needs it. The list is whole, the sentence names a few: there may be thousands. */
export function inUse(what: string, users: readonly string[], urlOf: (user: string) => string): Problem {
  const few = users.slice(0, 5).join(", ");
  const detail = `${what} is still needed by ${few}${users.length > 5 ? ` and ${users.length - 5} more` : ""}; delete these first`;
  return new Problem({ code: "in-use", detail, errors: users.map((user) => ({ pointer: "", detail: urlOf(user) })) });
}
