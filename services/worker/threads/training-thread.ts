/**
 * One training on the thread it blocks: plan, memory, samples, then the trainer's generator. Checkpoints and reports go
 * up as messages; it never touches Redis or storage.
 */
import {
  EngineError,
  createMemory,
  createTrainer,
  planTraining,
  probabilitiesOf,
  readSafetensors,
  writeSafetensors,
} from "../../../engine/index.ts";
import type { Best, Trainer, TrainingPlan, TrainingReport } from "../../../engine/index.ts";
import { splitNames, type Split } from "../../../schemas/dataset.ts";
import { loadKernels } from "../../shared/kernels.ts";
import { evaluate } from "./evaluation.ts";
import { insideAt } from "./inside.ts";
import { checkpointsUnderWay, intents, signal } from "./protocol.ts";
import type { Finished, FromThread, Snapshot, SplitOutcome, StopReason, TrainAssignment } from "./protocol.ts";
import { readInto } from "./samples.ts";

type Say = (message: FromThread, transfer?: ArrayBuffer[]) => void;

/** A whole buffer of its own, so that it can be given away. */
const owned = (bytes: Uint8Array): Uint8Array<ArrayBuffer> => new Uint8Array(bytes);

export function train(assignment: TrainAssignment, say: Say): void {
  try {
    new TrainingThread(assignment, say).run();
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    say({ kind: "ended", ending: { kind: "refused", code: error.code, detail: error.message } });
  }
}

class TrainingThread {
  readonly #assignment: TrainAssignment;
  readonly #say: Say;
  readonly #signals: Int32Array;
  readonly #plan: TrainingPlan;
  readonly #memory: WebAssembly.Memory;
  readonly #trainer: Trainer;
  #best: { bytes: Uint8Array; at: Best } | null;
  #sent = 0;

  constructor(assignment: TrainAssignment, say: Say) {
    this.#assignment = assignment;
    this.#say = say;
    this.#signals = new Int32Array(assignment.signals);
    this.#best = assignment.best;
    this.#plan = planTraining(assignment.spec);
    this.#memory = createMemory(this.#plan);
    const kernels = loadKernels(assignment.kernels, this.#memory);
    for (const split of splitNames) this.#load(split);
    // The gradient threads start now, while this one prepares.
    say({ kind: "planned", plan: this.#plan, memory: this.#memory, kernels: kernels.name });
    const { resume, initialWeights } = assignment;
    this.#trainer = createTrainer({
      plan: this.#plan,
      memory: this.#memory,
      kernels,
      ...(resume === null ? {} : { resume }),
      ...(resume !== null || initialWeights === null ? {} : { initialWeights }),
    });
  }

  #load(split: Split): void {
    const files = this.#assignment.files[split];
    const region = this.#plan.splits[split];
    if (!files || region.count === 0) return;
    readInto(files.samples, new Uint8Array(this.#memory.buffer, region.samplesAddress, region.samplesBytes));
    readInto(files.labels, new Uint8Array(this.#memory.buffer, region.labelsAddress, region.count * 4));
  }

  run(): void {
    try {
      for (const report of this.#trainer.run()) this.#heed(report);
    } finally {
      this.#trainer.close();
    }
  }

  #heed(report: TrainingReport): void {
    const inside = report.kind === "epoch" ? insideAt(report, this.#trainer, this.#assignment.spec) : null;
    this.#say({ kind: "report", report, inside });
    switch (report.kind) {
      case "progress":
        return;
      case "checkpoint":
        return this.#snapshot(report, { listed: false, isBest: false });
      case "epoch": {
        const due = report.epoch % this.#assignment.everyEpochs === 0 || report.epoch === this.#assignment.spec.epochs;
        if (due || report.isBest) this.#snapshot(report, { listed: true, isBest: report.isBest });
        return;
      }
      case "stopped":
        if (Atomics.load(this.#signals, signal.intent) === intents.limit) return this.#finish(report, "maxSeconds");
        this.#snapshot(report, { listed: false, isBest: false });
        return this.#say({ kind: "ended", ending: { kind: "stopped" } });
      case "diverged":
        return this.#say({
          kind: "ended",
          ending: { kind: "diverged", step: report.step, tensor: report.tensor, detail: report.detail },
        });
      case "finished":
        return this.#finish(report, report.reason);
    }
  }

  /**
   * Sends the present state up; waits while too many are on their way, so that a slow storage slows the training
   * instead of filling the memory.
   */
  #snapshot(report: TrainingReport, is: { listed: boolean; isBest: boolean }): void {
    const bytes = owned(this.#trainer.checkpoint());
    if (report.kind === "epoch" && report.isBest && report.best) this.#best = { bytes: owned(bytes), at: report.best };
    const snapshot: Snapshot = {
      bytes,
      epoch: report.epoch,
      step: report.step,
      loss: report.loss,
      accuracy: report.accuracy,
      validation:
        report.kind === "epoch" && report.validation
          ? { split: report.validation.split, loss: report.validation.loss, accuracy: report.validation.accuracy }
          : null,
      ...is,
      best: this.#best?.at ?? null,
    };
    this.#say({ kind: "checkpoint", snapshot }, [bytes.buffer]);
    this.#sent++;
    for (;;) {
      const taken = Atomics.load(this.#signals, signal.acknowledged);
      if (this.#sent - taken <= checkpointsUnderWay) return;
      Atomics.wait(this.#signals, signal.acknowledged, taken);
    }
  }

  /**
   * The model is the best epoch where there is a validation split, else what stands now; a reproduction stops where the
   * weights to compare stood.
   */
  #finish(report: TrainingReport, reason: StopReason): void {
    const best = this.#plan.spec.stopAtStep === null && this.#plan.spec.counts.validation > 0 ? this.#best : null;
    const bytes = best?.bytes ?? this.#trainer.checkpoint();
    if (best) this.#trainer.load(best.bytes);
    const { tensors } = readSafetensors(bytes);
    const weights = owned(
      writeSafetensors({ tensors: new Map([...tensors].filter(([name]) => name.startsWith("layers."))), metadata: {} }),
    );
    const ending: Finished = {
      kind: "finished",
      reason,
      epoch: report.epoch,
      step: report.step,
      chosen: best ? { epoch: best.at.epoch, step: best.at.step } : { epoch: report.epoch, step: report.step },
      weights,
      splits: {},
    };
    const given = [weights.buffer];
    for (const split of splitNames) {
      const outcome = this.#evaluate(split);
      if (!outcome) continue;
      ending.splits[split] = outcome;
      if (outcome.predictions) given.push(outcome.predictions.buffer as ArrayBuffer);
    }
    this.#say({ kind: "ended", ending }, given);
  }

  #evaluate(split: Split): SplitOutcome | null {
    const { count, labelsAddress } = this.#plan.splits[split];
    if (count === 0) return null;
    const { classes, predictionsLimitBytes, spec } = this.#assignment;
    const values = count * classes.length;
    const keep = values * 4 <= predictionsLimitBytes;
    const { outputs, loss, accuracy, samples } = this.#trainer.evaluate(split, { outputs: keep });
    const evaluated = { loss, accuracy, samples };
    if (!outputs) return { ...evaluated, predictions: null, evaluation: null };
    const probabilities = probabilitiesOf(outputs, { network: spec.network, classes: classes.length });
    const labels = new Int32Array(this.#memory.buffer, labelsAddress, count).slice();
    const predictions = new Uint8Array((values + count) * 4);
    predictions.set(new Uint8Array(probabilities.buffer, probabilities.byteOffset, values * 4));
    predictions.set(new Uint8Array(labels.buffer, labels.byteOffset, count * 4), values * 4);
    return { ...evaluated, predictions, evaluation: evaluate({ split, probabilities, labels, classes, evaluated }) };
  }
}
