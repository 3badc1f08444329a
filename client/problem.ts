/** What goes wrong: a service that refuses (RFC 9457), and one that cannot be reached. */
import type { ProblemCode, ProblemDocument } from "./types.ts";

/** `unexpected-answer`: what came is not from this service, but from something in between. */
export type Code = ProblemCode | "unexpected-answer";

/** The service's refusal: `errors` say where in the request and what would be right. */
export class Problem extends Error {
  override readonly name = "Problem";
  readonly status: number;
  readonly code: Code;
  readonly title: string;
  readonly detail: string;
  readonly type: string;
  readonly instance: string;
  /** JSON pointers into the body; `/query/…` and `/headers/…` for the rest. */
  readonly errors: readonly { pointer: string; detail: string }[];
  /** Seconds after which the service wants to be asked again; null where it said nothing. */
  readonly retryAfter: number | null;

  constructor(document: Omit<ProblemDocument, "code"> & { code: Code }, retryAfter: number | null = null) {
    super(document.detail || document.title);
    this.status = document.status;
    this.code = document.code;
    this.title = document.title;
    this.detail = document.detail;
    this.type = document.type;
    this.instance = document.instance;
    this.errors = document.errors;
    this.retryAfter = retryAfter;
  }
}

/** No answer: nobody listens there, or the connection broke. `cause` is what the platform said. */
export class Unreachable extends Error {
  override readonly name = "Unreachable";
  /** The address that was asked. */
  readonly url: string;

  constructor(url: string, cause: unknown) {
    super(`${url} does not answer: ${reasonOf(cause)}`, { cause });
    this.url = url;
  }
}

/** Node hides the reason behind "fetch failed". */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const inner: unknown = error.cause;
  const reason = inner instanceof Error ? inner : error;
  return reason.message || ("code" in reason ? String(reason.code) : reason.name);
}

/** Seconds, or the date at which to come again. */
function readRetryAfter(text: string | null): number | null {
  if (text === null || text === "") return null;
  const seconds = Number.isNaN(Number(text)) ? (Date.parse(text) - Date.now()) / 1000 : Number(text);
  return Number.isNaN(seconds) ? null : Math.max(0, seconds);
}

const longestExcerpt = 200;

/** Reads the answer of a request that was not granted. */
export async function readProblem(response: Response): Promise<Problem> {
  const retryAfter = readRetryAfter(response.headers.get("retry-after"));
  const text = await response.text();
  if ((response.headers.get("content-type") ?? "").includes("application/problem+json")) {
    const document = JSON.parse(text) as ProblemDocument;
    return new Problem({ ...document, errors: document.errors ?? [] }, retryAfter);
  }
  const title = `HTTP ${response.status} ${response.statusText}`.trim();
  return new Problem(
    {
      type: "about:blank",
      title,
      status: response.status,
      detail: `${title}, which is no answer of this service: ${text.trim().slice(0, longestExcerpt) || "an empty body"}`,
      instance: response.url,
      code: "unexpected-answer",
      errors: [],
    },
    retryAfter,
  );
}
