/** The log of one request. Most requests log nothing: the logger that carries the request's id is made when one does. */
import type { FastifyBaseLogger } from "fastify";

const methods = ["trace", "debug", "info", "warn", "error", "fatal", "silent", "child"] as const;

class RequestLog {
  readonly #log: FastifyBaseLogger;
  readonly #bindings: object;
  readonly #options: object;
  #made: FastifyBaseLogger | null = null;

  constructor(log: FastifyBaseLogger, bindings: object, options: object) {
    this.#log = log;
    this.#bindings = bindings;
    this.#options = options;
  }

  get level(): string {
    return this.made.level;
  }

  get made(): FastifyBaseLogger {
    return (this.#made ??= this.#log.child(this.#bindings, this.#options));
  }
}

for (const method of methods)
  Object.defineProperty(RequestLog.prototype, method, {
    value(this: RequestLog, ...values: unknown[]) {
      return (this.made[method] as (...given: unknown[]) => unknown).apply(this.made, values);
    },
  });

/** For Fastify's `childLoggerFactory`. */
export const requestLog = (log: FastifyBaseLogger, bindings: object, options: object): FastifyBaseLogger =>
  new RequestLog(log, bindings, options) as unknown as FastifyBaseLogger;
