/** The one door to the service: every question that the dashboard asks goes through here. */
import type { Problem } from "../../schemas/problem.ts";
import { answered, keyMissing, unreachable } from "./store/connection.ts";

/** A refusal in the service's own words, or none where nothing came back. */
export class ServiceError extends Error {
  readonly status: number;
  readonly code: string;
  readonly errors: Problem["errors"];

  constructor(status: number, problem: Partial<Problem>) {
    super(problem.detail ?? problem.title ?? "The service did not answer as expected.");
    this.status = status;
    this.code = problem.code ?? "unknown";
    this.errors = problem.errors ?? [];
  }
}

export interface Question {
  method?: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Sent as JSON; a Blob as it is. */
  body?: unknown;
  accept?: string;
  signal?: AbortSignal;
  headers?: Record<string, string>;
}

/** Whatever was thrown, as an error with a sentence. */
export const asError = (thrown: unknown): Error => (thrown instanceof Error ? thrown : new Error(String(thrown)));

const isAbort = (error: unknown): boolean => error instanceof DOMException && error.name === "AbortError";

async function problemOf(answer: Response): Promise<ServiceError> {
  const body = (await answer.json().catch(() => ({}))) as Partial<Problem>;
  return new ServiceError(answer.status, body);
}

export async function askRaw(path: string, question: Question = {}): Promise<Response> {
  const { method = "GET", body, accept = "application/json", signal, headers = {} } = question;
  const isPlain = body === undefined || body instanceof Blob;
  let answer: Response;
  try {
    answer = await fetch(path, {
      method,
      headers: { accept, ...(isPlain ? {} : { "content-type": "application/json" }), ...headers },
      ...(body === undefined ? {} : { body: isPlain ? body : JSON.stringify(body) }),
      ...(signal ? { signal } : {}),
    });
  } catch (error) {
    if (!isAbort(error)) unreachable();
    throw isAbort(error) ? error : new ServiceError(0, { detail: "The service cannot be reached." });
  }
  answered();
  if (answer.ok) return answer;
  if (answer.status === 401) keyMissing();
  throw await problemOf(answer);
}

/** JSON in, JSON out. */
export async function ask<Answer>(path: string, question: Question = {}): Promise<Answer> {
  const answer = await askRaw(path, question);
  return (answer.status === 204 ? undefined : await answer.json()) as Answer;
}
