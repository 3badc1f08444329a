/**
 * One evaluation from `queued` to its end. Safe to run twice: objects are named by their digest, the same question has
 * the same answer, and each write names its attempt.
 */
import type { EvaluationManifest, ModelEvaluation } from "../../../schemas/evaluation.ts";
import type { FailureCode } from "../../../schemas/failure.ts";
import type { Numerics } from "../../../schemas/job.ts";
import { outputActivation } from "../../../schemas/network-shape.ts";
import { finite } from "../../shared/finite.ts";
import { newUlid } from "../../shared/ids.ts";
import type { KernelsDescription } from "../../shared/kernels.ts";
import type { Logger } from "../../shared/log.ts";
import { presentEvaluation, requestOf } from "../../shared/records/index.ts";
import type { EvaluationRecord, ModelRecord, Records } from "../../shared/records/index.ts";
import { digestOf, isStorageFault, layout, putJson } from "../../shared/storage/index.ts";
import { withLogFields } from "../../shared/log-fields.ts";
import type { Tracing } from "../../shared/tracing/index.ts";
import type { Storage } from "../../shared/storage/index.ts";
import type { ThreadPool } from "../threads/pool.ts";
import type { EvaluateAssignment, EvaluationEnding } from "../threads/protocol.ts";
import { runEvaluation, type Unwanted } from "./run.ts";

export interface EvaluationDependencies {
  records: Records;
  storage: Storage;
  pool: ThreadPool;
  kernels: (numerics: Numerics) => KernelsDescription;
  crashBudget: number;
  tracing: Pick<Tracing, "span">;
  log: Logger;
}

export interface Delivered {
  evaluationId: string;
  /** The worker ends: the evaluation is handed over. */
  signal: AbortSignal;
  /** No further try follows. */
  last: boolean;
}

/** It cannot be made, now or later: it fails with this. */
class CannotEvaluate extends Error {
  readonly code: FailureCode;
  constructor(code: FailureCode, detail: string) {
    super(detail);
    this.code = code;
  }
}

type Attempt = { record: EvaluationRecord; number: number };

export class EvaluationProcessor {
  readonly #options: EvaluationDependencies;
  constructor(options: EvaluationDependencies) {
    this.#options = options;
  }

  /** Throws where another try may help. */
  async process(delivered: Delivered): Promise<"done" | "hand-over"> {
    const { evaluationId: id } = delivered;
    const record = await this.#options.records.evaluations.read(id);
    if (!record) return "done";
    const about = { origin: record.origin, attributes: { "evaluation.id": id } };
    return withLogFields({ evaluation: id, ...requestOf(record) }, () =>
      this.#options.tracing.span("evaluate", about, () => this.#process(delivered)),
    );
  }

  async #process({ evaluationId, signal, last }: Delivered): Promise<"done" | "hand-over"> {
    const { records, crashBudget } = this.#options;
    const begun = await records.evaluations.begin(evaluationId, { token: newUlid(), crashBudget });
    if (begun.kind === "refused") {
      // Whoever was to cancel it died.
      if (begun.status === "cancelling") await records.evaluations.move(evaluationId, { cancelling: "cancelled" });
      return "done";
    }
    const record = await records.evaluations.read(evaluationId);
    if (!record) return "done";
    const attempt = { record, number: begun.attempt };
    if (begun.kind === "spent") {
      const detail = `the evaluation was begun ${crashBudget + 1} times and its worker died each time; it may need more memory than there is`;
      return this.#fail(attempt, new CannotEvaluate("crashed", detail));
    }
    try {
      return await this.#attempt(attempt, signal);
    } catch (error) {
      if (error instanceof CannotEvaluate) return this.#fail(attempt, error);
      this.#options.log.error({ err: error, evaluation: evaluationId }, "an evaluation broke off");
      if (last) return this.#fail(attempt, new CannotEvaluate("broken", `it broke off: ${(error as Error).message}`));
      await records.evaluations.move(evaluationId, { running: "queued" }, { attempt: attempt.number });
      throw error;
    }
  }

  async #attempt(attempt: Attempt, signal: AbortSignal): Promise<"done" | "hand-over"> {
    const { records, pool, log } = this.#options;
    const { record, number } = attempt;
    const { id } = record;
    const { model, assignment } = await this.#prepare(record);
    const progress = (samples: number): ModelEvaluation["progress"] => ({
      fraction: Math.floor((samples / assignment.count) * 1000) / 1000,
      samples,
      total: assignment.count,
    });
    const report = async (samples: number): Promise<Unwanted | null> => {
      const moved = await records.evaluations.move(
        id,
        { running: "running" },
        { attempt: number, set: { progress: progress(samples) } },
      );
      if (moved.kind === "already") return null;
      return moved.kind === "forbidden" && moved.status === "cancelling" ? "cancelled" : "fenced";
    };
    const ending = await runEvaluation({ pool, assignment, report, signal, log });
    if (ending.kind === "refused") throw new CannotEvaluate(ending.code, ending.detail);
    if (ending.kind === "unwanted") return this.#giveUp(attempt, ending.why);
    await this.#keep(attempt, model, ending);
    return "done";
  }

  async #giveUp({ record: { id }, number: attempt }: Attempt, why: Unwanted): Promise<"done" | "hand-over"> {
    const { evaluations } = this.#options.records;
    if (why === "cancelled") await evaluations.move(id, { cancelling: "cancelled" }, { attempt });
    if (why !== "drain") return "done";
    await evaluations.move(id, { running: "queued", cancelling: "cancelled" }, { attempt });
    return "hand-over";
  }

  async #fail({ record: { id }, number: attempt }: Attempt, error: CannotEvaluate): Promise<"done"> {
    const set = { error: { code: error.code, detail: error.message } };
    const moved = await this.#options.records.evaluations.move(
      id,
      { running: "failed", cancelling: "cancelled" },
      { attempt, set },
    );
    this.#options.log.info({ evaluation: id, code: error.code, moved: moved.kind }, error.message);
    return "done";
  }

  async #prepare(record: EvaluationRecord): Promise<{ model: ModelRecord; assignment: EvaluateAssignment }> {
    const { records, storage, kernels } = this.#options;
    const [model, dataset] = await Promise.all([
      records.models.read(record.model),
      records.datasets.read(record.dataset.id),
    ]);
    if (!model) throw new CannotEvaluate("model-missing", `the model ${record.model} is not there any more`);
    const stored = dataset?.manifest?.splits[record.split];
    if (!dataset?.manifest || !stored || dataset.revision !== record.dataset.revision)
      throw new CannotEvaluate("dataset-missing", `the dataset ${record.dataset.id} is not there as it was`);
    const job = model.job === null ? null : await records.jobs.read(model.job);
    const softmax = outputActivation(model.network.layers) === "softmax";
    try {
      const [weights, samples, labels] = await Promise.all([
        storage.get(model.files.weights),
        storage.local(stored.samples),
        storage.local(stored.labels),
      ]);
      const assignment: EvaluateAssignment = {
        spec: {
          network: model.network,
          input: model.input,
          classes: model.classes.length,
          normalisation: model.normalisation,
        },
        kernels: kernels(model.numerics ?? "reproducible"),
        weights,
        files: { samples, labels },
        count: stored.count,
        dtype: dataset.manifest.dtype,
        split: record.split,
        classes: model.classes,
        labels: dataset.manifest.classes.map((name) => model.classes.indexOf(name)),
        loss: job?.request.loss ?? (softmax ? "cross-entropy" : "squared-error"),
      };
      return { model, assignment };
    } catch (error) {
      if (isStorageFault(error, "missing", "damaged")) throw new CannotEvaluate("unreadable", error.message);
      throw error;
    }
  }

  /** Objects first, the record after them. Those of an evaluation that was deleted meanwhile are taken away again. */
  async #keep(
    { record, number: attempt }: Attempt,
    model: ModelRecord,
    ending: Extract<EvaluationEnding, { kind: "finished" }>,
  ): Promise<void> {
    const { records, storage, log } = this.#options;
    const { id, progress } = record;
    const file = layout.evaluationPredictions(id, (await digestOf(ending.predictions)).sha256);
    await storage.put(file, ending.predictions);
    const predictions = { file, count: progress.total, classes: model.classes.length };
    const finishedAt = new Date().toISOString();
    const figures = {
      progress: { fraction: 1, samples: progress.total, total: progress.total },
      samples: progress.total,
      accuracy: ending.accuracy,
      errorRate: 1 - ending.accuracy,
      loss: finite(ending.loss),
    };
    const manifest: EvaluationManifest = {
      version: 1,
      evaluation: {
        ...presentEvaluation(record),
        ...figures,
        status: "succeeded",
        terminal: true,
        finishedAt,
      },
      details: ending.details,
      predictions,
    };
    const key = layout.evaluationManifest(id);
    await putJson(storage, key, manifest);
    const moved = await records.evaluations.move(
      id,
      { running: "succeeded", cancelling: "cancelled" },
      { attempt, at: finishedAt, set: { ...figures, files: { manifest: key, predictions } } },
    );
    const isOurs = moved.kind === "fenced" || (moved.kind !== "missing" && moved.status === "succeeded");
    if (!isOurs) await storage.deleteAll(layout.evaluation(id));
    log.info({ evaluation: id, moved: moved.kind }, "evaluated");
  }
}
