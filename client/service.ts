/** The service itself: what runs, whether it is ready, what it offers. */
import { path, type CallOptions, type Transport } from "./transport.ts";
import type { EntryPoints, Live, ProblemCode, Ready, System } from "./types.ts";

export class Service {
  readonly #transport: Transport;
  constructor(transport: Transport) {
    this.#transport = transport;
  }

  #get<Answer>(at: string, options?: CallOptions): Promise<Answer> {
    return this.#transport.json({ method: "GET", path: at }, options);
  }
  #text(at: string, options?: CallOptions): Promise<string> {
    return this.#transport.exchange({ method: "GET", path: at, accept: "text/*" }, options, (answer) => answer.text());
  }

  /** What there is, and where. */
  entryPoints(options?: CallOptions): Promise<EntryPoints> {
    return this.#get("/", options);
  }
  /** Version, kernels in use, workers and what they do, queues. */
  system(options?: CallOptions): Promise<System> {
    return this.#get("/v1/system", options);
  }
  live(options?: CallOptions): Promise<Live> {
    return this.#get("/health/live", options);
  }
  /** Refused with 503, and what is missing, until Redis, storage and a worker are there. */
  ready(options?: CallOptions): Promise<Ready> {
    return this.#get("/health/ready", options);
  }
  /** Counters for Prometheus. */
  telemetry(options?: CallOptions): Promise<string> {
    return this.#text("/metrics", options);
  }
  /** What a code means and what to do, in Markdown. */
  problem(code: ProblemCode, options?: CallOptions): Promise<string> {
    return this.#text(path`/problems/${code}`, options);
  }
  /** The interface as an OpenAPI 3.1 document. */
  openapi(options?: CallOptions): Promise<{ openapi: string; paths: Record<string, object> }> {
    return this.#get("/openapi.json", options);
  }
}
