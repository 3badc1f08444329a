/** Evaluations: a model judged by a worker on a dataset of your choice. */
import { pause } from "./pause.ts";
import { path, type CallOptions, type Transport } from "./transport.ts";
import type {
  DetailedEvaluation,
  EvaluationPage,
  EvaluationPredictionsQuery,
  EvaluationRequest,
  EvaluationsQuery,
  ModelEvaluation,
  SplitPredictionPage,
} from "./types.ts";

export interface EvaluationWaitOptions extends CallOptions {
  /** Called each time it was looked at. */
  onChange?: (evaluation: DetailedEvaluation) => void;
}

const firstLookMs = 100;
const slowestLookMs = 2000;

export class Evaluations {
  readonly #transport: Transport;
  constructor(transport: Transport) {
    this.#transport = transport;
  }

  create(model: string, request: EvaluationRequest, options?: CallOptions): Promise<ModelEvaluation> {
    const call = { method: "POST", path: path`/v1/models/${model}/evaluations`, json: request } as const;
    return this.#transport.json(call, options);
  }
  get(model: string, id: string, options?: CallOptions): Promise<DetailedEvaluation> {
    return this.#transport.json({ method: "GET", path: path`/v1/models/${model}/evaluations/${id}` }, options);
  }
  list(model: string, query?: EvaluationsQuery, options?: CallOptions): Promise<EvaluationPage> {
    return this.#transport.json({ method: "GET", path: path`/v1/models/${model}/evaluations`, query }, options);
  }
  all(
    model: string,
    query?: EvaluationsQuery,
    options?: CallOptions,
  ): AsyncGenerator<ModelEvaluation, void, undefined> {
    return this.#transport.all(path`/v1/models/${model}/evaluations`, query, options);
  }
  cancel(model: string, id: string, options?: CallOptions): Promise<ModelEvaluation> {
    return this.#transport.json({ method: "POST", path: path`/v1/models/${model}/evaluations/${id}/cancel` }, options);
  }
  delete(model: string, id: string, options?: CallOptions): Promise<void> {
    return this.#transport.done({ method: "DELETE", path: path`/v1/models/${model}/evaluations/${id}` }, options);
  }
  predictions(
    model: string,
    id: string,
    query?: EvaluationPredictionsQuery,
    options?: CallOptions,
  ): Promise<SplitPredictionPage> {
    const at = path`/v1/models/${model}/evaluations/${id}/predictions`;
    return this.#transport.json({ method: "GET", path: at, query }, options);
  }
  /** Waits for the end, be it good or bad: look at `status`. */
  async wait(
    model: string,
    id: string,
    { onChange, ...options }: EvaluationWaitOptions = {},
  ): Promise<DetailedEvaluation> {
    for (let delay = firstLookMs; ; delay = Math.min(slowestLookMs, delay * 1.3)) {
      const evaluation = await this.get(model, id, options);
      onChange?.(evaluation);
      if (evaluation.terminal) return evaluation;
      await pause(delay, options.signal);
    }
  }
}
