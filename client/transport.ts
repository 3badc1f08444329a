/** Requests and answers over fetch: addresses, keys, retries. Knows no route. */
import { backOff, pause } from "./pause.ts";
import { readProblem, Unreachable, type Problem } from "./problem.ts";
import { randomName } from "./random.ts";
import type { Page } from "./types.ts";
import { sendWithProgress, Unreadable, type Upload, type UploadProgress } from "./uploads/send.ts";

export interface ClientOptions {
  /** Sent as `Authorization: Bearer …`. Without one the page's cookies serve. */
  key?: string | undefined;
  /** Of cookies; "same-origin" by default. */
  credentials?: "omit" | "same-origin" | "include";
  /** Headers of every request. */
  headers?: Record<string, string>;
  /** Tries after the first where a connection breaks or the service says 429 or 503; 4 by default. */
  retries?: number;
  /** In place of the platform's own. */
  fetch?: typeof fetch;
}

/** What every method takes last. */
export interface CallOptions {
  /** Ends the request, and the waits between tries. */
  signal?: AbortSignal | undefined;
  headers?: Record<string, string>;
  /** Of a write; by default a new one, the same for all tries of this call. */
  idempotencyKey?: string;
}

export interface Call {
  method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Made by `path`. */
  path: string;
  query?: object | undefined;
  /** Sent as JSON. */
  json?: unknown;
  /** Sent as it is. */
  body?: Blob | Uint8Array<ArrayBuffer>;
  /** Sent in pieces, with progress. */
  upload?: Upload;
  onProgress?: ((progress: UploadProgress) => void) | undefined;
  accept?: string;
  headers?: Record<string, string>;
  /** A POST that changes nothing: it may be repeated without a key of its own. */
  asks?: boolean;
  /** In place of the client's own number. */
  retries?: number;
}

/** A path whose values are encoded; one that is empty would name another route. */
export function path(literals: TemplateStringsArray, ...values: (string | number)[]): string {
  return literals.reduce((made, literal, at) => {
    const value = String(values[at - 1]);
    if (/^\.{0,2}$/.test(value)) throw new TypeError(`expected an id, found '${value}'`);
    return `${made}${encodeURIComponent(value)}${literal}`;
  });
}

/** A value of a query or a form, where everything is text. */
export const textOf = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));

/** What is undefined stays away; entries of `metadata` become fields of their own. */
function queryText(query: object): string {
  const fields = new URLSearchParams();
  for (const [name, value] of Object.entries(query) as [string, unknown][]) {
    if (value === undefined || value === null) continue;
    if (name === "metadata") {
      for (const [entry, text] of Object.entries(value)) fields.append(`metadata.${entry}`, textOf(text));
    } else fields.append(name, textOf(value));
  }
  const text = fields.toString();
  return text === "" ? "" : `?${text}`;
}

/** A server that asks for more patience than this gets its refusal shown instead. */
const longestRetryAfterSeconds = 60;
const retriedStatuses: readonly number[] = [429, 502, 503, 504];

/** How long to wait before asking again; null where asking again would not help. */
function delayAfter(failure: Problem | Unreachable, attempt: number): number | null {
  if (failure instanceof Unreachable) return backOff(attempt);
  if (!retriedStatuses.includes(failure.status) && failure.code !== "idempotency-in-flight") return null;
  if (failure.retryAfter === null) return backOff(attempt);
  return failure.retryAfter > longestRetryAfterSeconds ? null : failure.retryAfter * 1000 + backOff(0);
}

export class Transport {
  readonly base: string;
  readonly #options: ClientOptions;

  constructor(url: string, options: ClientOptions = {}) {
    this.base = url.replace(/\/+$/, "");
    this.#options = options;
  }

  url(at: string, query: object = {}): string {
    return `${this.base}${at}${queryText(query)}`;
  }

  json<Answer>(call: Call, options?: CallOptions): Promise<Answer> {
    return this.exchange(call, options, (response) => response.json() as Promise<Answer>);
  }

  /** For answers without a body. */
  async done(call: Call, options?: CallOptions): Promise<void> {
    await this.exchange(call, options, (response) => response.text());
  }

  /** For pictures and files: read it as `blob()`, `arrayBuffer()`, `text()` or as the stream `body`. */
  response(call: Call, options?: CallOptions): Promise<Response> {
    return this.exchange(call, options, async (response) => response);
  }

  /** Every entry of a list, page after page. */
  async *all<Item>(at: string, query: object = {}, options?: CallOptions): AsyncGenerator<Item, void, undefined> {
    for (let after: string | undefined; ;) {
      const asked = after === undefined ? query : { ...query, after };
      const page = await this.json<Page<Item>>({ method: "GET", path: at, query: asked }, options);
      yield* page.data;
      if (!page.hasMore || page.nextAfter === null) return;
      after = page.nextAfter;
    }
  }

  /** Asks until there is an answer that `read` can read, as often as the options allow. */
  async exchange<Answer>(
    call: Call,
    options: CallOptions = {},
    read: (response: Response) => Promise<Answer>,
  ): Promise<Answer> {
    const { signal } = options;
    const headers = this.#headers(call, options);
    const retries = call.upload?.once === true ? 0 : (call.retries ?? this.#options.retries ?? 4);
    for (let attempt = 0; ; attempt++) {
      let failure: Problem | Unreachable;
      try {
        const response = await this.#send(call, headers, signal);
        if (response.ok) return await read(response);
        failure = await readProblem(response);
      } catch (error) {
        if (signal?.aborted === true) throw signal.reason;
        if (error instanceof Unreadable) throw error;
        failure = new Unreachable(this.url(call.path), error);
      }
      const delay = attempt < retries ? delayAfter(failure, attempt) : null;
      if (delay === null) throw failure;
      await pause(delay, signal);
    }
  }

  #headers({ method, json, asks, accept, headers }: Call, options: CallOptions): Record<string, string> {
    const { key, headers: always } = this.#options;
    return {
      accept: accept ?? "application/json",
      ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
      ...(json === undefined ? {} : { "content-type": "application/json" }),
      ...(method === "GET" || asks === true ? {} : { "idempotency-key": options.idempotencyKey ?? randomName() }),
      ...always,
      ...headers,
      ...options.headers,
    };
  }

  #send(call: Call, headers: Record<string, string>, signal: AbortSignal | undefined): Promise<Response> {
    const url = this.url(call.path, call.query);
    const credentials = this.#options.credentials ?? "same-origin";
    const given = this.#options.fetch;
    const ask: typeof fetch = given ?? ((input, init) => fetch(input, init));
    const init = { method: call.method, headers, credentials, ...(signal ? { signal } : {}) };
    if (call.upload) return sendWithProgress(ask, url, { ...init, upload: call.upload, onProgress: call.onProgress });
    const body = call.json === undefined ? call.body : JSON.stringify(call.json);
    return ask(url, body === undefined ? init : { ...init, body });
  }
}
