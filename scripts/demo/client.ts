/** What the demo asks of the service, over HTTP and nothing else. */
import type { Dataset } from "../../schemas/dataset.ts";
import type { Job } from "../../schemas/job.ts";
import type { Evaluation, SplitPrediction } from "../../schemas/prediction.ts";
import type { Problem } from "../../schemas/problem.ts";

export class Client {
  readonly #url: string;
  constructor(url: string) {
    this.#url = url;
  }

  async #ask<Answer>(path: string, init?: RequestInit): Promise<Answer> {
    const response = await fetch(this.#url + path, init);
    const body = (await response.json()) as Answer | Problem;
    if (!response.ok) throw new Error(`${path}: ${(body as Problem).title}: ${(body as Problem).detail}`);
    return body as Answer;
  }

  /** null while it is not there yet. */
  async dataset(reference: string): Promise<Dataset | null> {
    const response = await fetch(`${this.#url}/v1/datasets/${reference}`);
    return response.ok ? ((await response.json()) as Dataset) : null;
  }

  startJob(request: Record<string, unknown>): Promise<Job> {
    return this.#ask("/v1/jobs", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(request),
    });
  }

  job(id: string): Promise<Job> {
    return this.#ask(`/v1/jobs/${id}`);
  }

  evaluation(model: string): Promise<Evaluation> {
    return this.#ask(`/v1/models/${model}/evaluation?split=test`);
  }

  async predictions(model: string, options: { only: "all" | "errors"; limit: number }): Promise<SplitPrediction[]> {
    const { data } = await this.#ask<{ data: SplitPrediction[] }>(
      `/v1/models/${model}/predictions?split=test&only=${options.only}&limit=${options.limit}`,
    );
    return data;
  }

  /** Pixels of one sample, 0 … 255. */
  async sample(dataset: string, index: number): Promise<number[]> {
    const after = index === 0 ? "" : `&after=${index - 1}`;
    const { data } = await this.#ask<{ data: { index: number; pixels: number[] }[] }>(
      `/v1/datasets/${dataset}/samples?split=test&limit=1${after}`,
    );
    const found = data.find((each) => each.index === index);
    if (!found) throw new Error(`there is no test sample ${index}`);
    return found.pixels;
  }
}
