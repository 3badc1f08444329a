/** Sweeps: many trainings of one request that differ in what a space allows, and the best of them. */
import { follow, type EventsOptions } from "./events.ts";
import { path, type CallOptions, type Transport } from "./transport.ts";
import type {
  DeleteSweepQuery,
  EventsQuery,
  Sweep,
  SweepEstimate,
  SweepEvent,
  SweepEventPage,
  SweepPage,
  SweepRequest,
  SweepsQuery,
  Trial,
  TrialPage,
  TrialsQuery,
} from "./types.ts";

export interface SweepWaitOptions extends EventsOptions {
  /** Called with every event until the sweep has ended. */
  onEvent?: (event: SweepEvent) => void;
}

export class Sweeps {
  readonly #transport: Transport;
  constructor(transport: Transport) {
    this.#transport = transport;
  }

  #get<Answer>(at: string, query?: object, options?: CallOptions): Promise<Answer> {
    return this.#transport.json({ method: "GET", path: at, query }, options);
  }
  #post(at: string, options?: CallOptions): Promise<Sweep> {
    return this.#transport.json({ method: "POST", path: at }, options);
  }

  create(request: SweepRequest, options?: CallOptions): Promise<Sweep> {
    return this.#transport.json({ method: "POST", path: "/v1/sweeps", json: request }, options);
  }
  /** What `create` would try out, and what that would cost. Queues nothing. */
  estimate(request: SweepRequest, options?: CallOptions): Promise<SweepEstimate> {
    const call = { method: "POST", path: "/v1/sweeps", query: { dryRun: true }, json: request, asks: true } as const;
    return this.#transport.json(call, options);
  }
  get(id: string, options?: CallOptions): Promise<Sweep> {
    return this.#get(path`/v1/sweeps/${id}`, undefined, options);
  }
  list(query?: SweepsQuery, options?: CallOptions): Promise<SweepPage> {
    return this.#get("/v1/sweeps", query, options);
  }
  all(query?: SweepsQuery, options?: CallOptions): AsyncGenerator<SweepPage["data"][number], void, undefined> {
    return this.#transport.all("/v1/sweeps", query, options);
  }
  trials(id: string, query?: TrialsQuery, options?: CallOptions): Promise<TrialPage> {
    return this.#get(path`/v1/sweeps/${id}/trials`, query, options);
  }
  allTrials(id: string, query?: TrialsQuery, options?: CallOptions): AsyncGenerator<Trial, void, undefined> {
    return this.#transport.all(path`/v1/sweeps/${id}/trials`, query, options);
  }
  eventPage(id: string, query?: EventsQuery, options?: CallOptions): Promise<SweepEventPage> {
    return this.#get(path`/v1/sweeps/${id}/events`, query, options);
  }
  /** What happens, as it happens, over broken connections, until the sweep has ended. */
  events(id: string, options?: EventsOptions): AsyncGenerator<SweepEvent, void, undefined> {
    return follow(this.#transport, path`/v1/sweeps/${id}/events`, options);
  }
  /** Waits for the end, be it good or bad: look at `status`, and at `best`. */
  async wait(id: string, { onEvent, ...options }: SweepWaitOptions = {}): Promise<Sweep> {
    for await (const event of this.events(id, options)) onEvent?.(event);
    return this.get(id, { signal: options.signal });
  }
  cancel(id: string, options?: CallOptions): Promise<Sweep> {
    return this.#post(path`/v1/sweeps/${id}/cancel`, options);
  }
  pause(id: string, options?: CallOptions): Promise<Sweep> {
    return this.#post(path`/v1/sweeps/${id}/pause`, options);
  }
  resume(id: string, options?: CallOptions): Promise<Sweep> {
    return this.#post(path`/v1/sweeps/${id}/resume`, options);
  }
  /** One that has ended, and its jobs; the best model stays unless `models` is true. */
  delete(id: string, query?: DeleteSweepQuery, options?: CallOptions): Promise<void> {
    return this.#transport.done({ method: "DELETE", path: path`/v1/sweeps/${id}`, query }, options);
  }
}
