/** Jobs: trainings that are queued, run by workers, followed live. */
import { follow, type EventsOptions } from "./events.ts";
import { asked, type PredictionInput } from "./inputs.ts";
import { path, type CallOptions, type Transport } from "./transport.ts";
import type {
  Checkpoint,
  CheckpointPage,
  CheckpointsQuery,
  DeleteJobQuery,
  Estimate,
  Event,
  EventPage,
  EventsQuery,
  GradientCheck,
  GradientCheckRequest,
  InsidePage,
  InsideQuery,
  Job,
  JobFiltersQuery,
  JobPage,
  JobPredictionsQuery,
  JobProgress,
  JobRequest,
  JobsQuery,
  JobSummary,
  Metrics,
  MetricsQuery,
  PredictionAnswer,
  WebhookPage,
  WebhooksQuery,
} from "./types.ts";

export interface JobWaitOptions extends EventsOptions {
  /** Called with every event until the job has ended. */
  onEvent?: (event: Event) => void;
}

export class Jobs {
  readonly #transport: Transport;
  constructor(transport: Transport) {
    this.#transport = transport;
  }

  #get<Answer>(at: string, query?: object, options?: CallOptions): Promise<Answer> {
    return this.#transport.json({ method: "GET", path: at, query }, options);
  }
  #post(at: string, options?: CallOptions): Promise<Job> {
    return this.#transport.json({ method: "POST", path: at }, options);
  }

  /** Queues a training. */
  create(request: JobRequest, options?: CallOptions): Promise<Job> {
    return this.#transport.json({ method: "POST", path: "/v1/jobs", json: request }, options);
  }
  /** What `create` would do: the complete request, the layers and their cost. Queues nothing. */
  estimate(request: JobRequest, options?: CallOptions): Promise<Estimate> {
    const call = { method: "POST", path: "/v1/jobs", query: { dryRun: true }, json: request, asks: true } as const;
    return this.#transport.json(call, options);
  }
  get(id: string, options?: CallOptions): Promise<Job> {
    return this.#get(path`/v1/jobs/${id}`, undefined, options);
  }
  /** A page, newest first. */
  list(query?: JobsQuery, options?: CallOptions): Promise<JobPage> {
    return this.#get("/v1/jobs", query, options);
  }
  /** Every job, page after page. */
  all(query?: JobsQuery, options?: CallOptions): AsyncGenerator<JobSummary, void, undefined> {
    return this.#transport.all("/v1/jobs", query, options);
  }
  /** One that has ended; its model stays unless `models` is true. */
  delete(id: string, query?: DeleteJobQuery, options?: CallOptions): Promise<void> {
    return this.#transport.done({ method: "DELETE", path: path`/v1/jobs/${id}`, query }, options);
  }

  cancel(id: string, options?: CallOptions): Promise<Job> {
    return this.#post(path`/v1/jobs/${id}/cancel`, options);
  }
  pause(id: string, options?: CallOptions): Promise<Job> {
    return this.#post(path`/v1/jobs/${id}/pause`, options);
  }
  resume(id: string, options?: CallOptions): Promise<Job> {
    return this.#post(path`/v1/jobs/${id}/resume`, options);
  }
  /** A new job that trains the same again and says at its end whether the weights agree. */
  reproduce(id: string, options?: CallOptions): Promise<Job> {
    return this.#post(path`/v1/jobs/${id}/reproduce`, options);
  }

  progress(id: string, options?: CallOptions): Promise<JobProgress> {
    return this.#get(path`/v1/jobs/${id}/progress`, undefined, options);
  }
  /** The curves, by epoch or by step. */
  metrics(id: string, query?: MetricsQuery, options?: CallOptions): Promise<Metrics> {
    return this.#get(path`/v1/jobs/${id}/metrics`, query, options);
  }
  /** What happened so far, a page. */
  eventPage(id: string, query?: EventsQuery, options?: CallOptions): Promise<EventPage> {
    return this.#get(path`/v1/jobs/${id}/events`, query, options);
  }
  /** What happens, as it happens: from the first event on, over broken connections, until the job has ended. */
  events(id: string, options?: EventsOptions): AsyncGenerator<Event, void, undefined> {
    return follow(this.#transport, path`/v1/jobs/${id}/events`, options);
  }
  /** Waits for the end, be it good or bad: look at `status`. */
  async wait(id: string, { onEvent, ...options }: JobWaitOptions = {}): Promise<Job> {
    for await (const event of this.events(id, options)) onEvent?.(event);
    return this.get(id, { signal: options.signal });
  }

  checkpoints(id: string, query?: CheckpointsQuery, options?: CallOptions): Promise<CheckpointPage> {
    return this.#get(path`/v1/jobs/${id}/checkpoints`, query, options);
  }
  checkpoint(id: string, epoch: number, options?: CallOptions): Promise<Checkpoint> {
    return this.#get(path`/v1/jobs/${id}/checkpoints/${epoch}`, undefined, options);
  }
  /** The weights of an epoch, a safetensors file. */
  checkpointWeights(id: string, epoch: number, options?: CallOptions): Promise<Response> {
    const at = path`/v1/jobs/${id}/checkpoints/${epoch}/weights`;
    return this.#transport.response({ method: "GET", path: at, accept: "*/*" }, options);
  }
  /** The filters of a layer at a checkpoint, the newest by default, as a PNG. */
  filters(
    id: string,
    { layer, ...query }: { layer: number } & JobFiltersQuery,
    options?: CallOptions,
  ): Promise<Response> {
    const at = path`/v1/jobs/${id}/filters/${layer}.png`;
    return this.#transport.response({ method: "GET", path: at, query, accept: "image/png" }, options);
  }
  /** What layers that weigh their inputs had learned after each epoch. */
  inside(id: string, query?: InsideQuery, options?: CallOptions): Promise<InsidePage> {
    return this.#get(path`/v1/jobs/${id}/inside`, query, options);
  }
  webhooks(id: string, query?: WebhooksQuery, options?: CallOptions): Promise<WebhookPage> {
    return this.#get(path`/v1/jobs/${id}/webhooks`, query, options);
  }
  /** Asks a checkpoint of a job, also while it trains; the newest without `checkpoint`. */
  predict(
    id: string,
    input: PredictionInput,
    query?: JobPredictionsQuery,
    options?: CallOptions,
  ): Promise<PredictionAnswer> {
    return this.#transport.json(asked(path`/v1/jobs/${id}/predictions`, input, query), options);
  }
  /** Compares back-propagation with finite differences. */
  checkGradients(request: GradientCheckRequest, options?: CallOptions): Promise<GradientCheck> {
    return this.#transport.json({ method: "POST", path: "/v1/gradient-checks", json: request, asks: true }, options);
  }
}
