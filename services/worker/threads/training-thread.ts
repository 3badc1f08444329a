/**
 * One training on the thread it blocks: plan, memory, samples, then the trainer's generator. Checkpoints and reports go
 * up as messages; it never touches Redis or storage.
 */
import {
  EngineError,
  createMemory,
  createTrainer,
  holdOut,
  planTraining,
  probabilitiesOf,
  readSafetensors,
  writeSafetensors,
} from "../../../engine/index.ts";
import type { Best, Evaluated, Trainer, TrainingPlan, TrainingReport } from "../../../engine/index.ts";
import { splitNames, type Split } from "../../../schemas/dataset.ts";
import { loadKernels } from "../../shared/kernels.ts";
import { TimedSchedule } from "../../shared/timed-schedule.ts";
import { evaluationOf, predictionsOf, wholeOf, type Answers } from "./answers.ts";
import { insideAt } from "./inside.ts";
import { checkpointsUnderWay, intents, signal } from "./protocol.ts";
import type { Finished, FromThread, Intent, Snapshot, StopReason, TrainAssignment } from "./protocol.ts";
import { dealInto, readInto } from "./samples.ts";

type Say = (message: FromThread, transfer?: ArrayBuffer[]) => void;

/** A whole buffer of its own, so that it can be given away. */
const owned = (bytes: Uint8Array): Uint8Array<ArrayBuffer> => new Uint8Array(bytes);

const recoveryPoint = { listed: false, isBest: false, isNeeded: false };

/** Returns the bytes of the shared memory. */
export function train(assignment: TrainAssignment, say: Say): number {
  try {
    const thread = new TrainingThread(assignment, say);
    thread.run();
    return thread.memoryBytes;
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    say({ kind: "ended", ending: { kind: "refused", code: error.code, detail: error.message } });
    return Infinity;
  }
}

class TrainingThread {
  readonly #assignment: TrainAssignment;
  readonly #say: Say;
  readonly #signals: Int32Array;
  readonly #plan: TrainingPlan;
  readonly #memory: WebAssembly.Memory;
  readonly #trainer: Trainer;
  readonly #schedule: TimedSchedule | null;
  /** For every sample of the dataset's training split 1 where it is held out; null where nothing is. */
  readonly #heldOut: Uint8Array | null;
  #best: { bytes: Uint8Array; at: Best } | null;
  #sent = 0;

  constructor(assignment: TrainAssignment, say: Say) {
    this.#assignment = assignment;
    this.#say = say;
    this.#signals = new Int32Array(assignment.signals);
    this.#best = assignment.best;
    this.#schedule = assignment.timeLimit && new TimedSchedule(assignment.timeLimit, assignment.spec);
    this.#plan = planTraining(assignment.spec);
    this.#memory = createMemory(this.#plan);
    const kernels = loadKernels(assignment.kernels, this.#memory);
    this.#heldOut = this.#load();
    // The gradient threads start now, while this one prepares.
    say({ kind: "planned", plan: this.#plan, memory: this.#memory, kernels: kernels.name });
    const { resume, start } = assignment;
    this.#trainer = createTrainer({
      plan: this.#plan,
      memory: this.#memory,
      kernels,
      ...(resume === null ? {} : { resume }),
      ...(resume !== null || start === null ? {} : { initialWeights: start.weights, initialLayers: start.layers }),
    });
  }

  /** The samples of all splits into the memory. Answers what is held out. */
  #load(): Uint8Array | null {
    const { files, heldOut, spec } = this.#assignment;
    const { buffer } = this.#memory;
    const regionsOf = (split: Split): { samples: Uint8Array; labels: Uint8Array } => {
      const { samplesAddress, samplesBytes, labelsAddress, count } = this.#plan.splits[split];
      return {
        samples: new Uint8Array(buffer, samplesAddress, samplesBytes),
        labels: new Uint8Array(buffer, labelsAddress, count * 4),
      };
    };
    const dealt = heldOut !== null && files.train;
    for (const split of splitNames) {
      const own = files[split];
      if (!own || (dealt && split === "train") || this.#plan.splits[split].count === 0) continue;
      const { samples, labels } = regionsOf(split);
      readInto(own.samples, samples);
      readInto(own.labels, labels);
    }
    if (!dealt) return null;
    const [kept, held] = [regionsOf("train"), regionsOf("validation")];
    const labels = new Int32Array((kept.labels.byteLength + held.labels.byteLength) / 4);
    readInto(dealt.labels, new Uint8Array(labels.buffer));
    const flags = holdOut({ labels, classes: spec.classes, fraction: heldOut, seed: spec.seed });
    dealInto(dealt.labels, flags, [kept.labels, held.labels]);
    dealInto(dealt.samples, flags, [kept.samples, held.samples]);
    return flags;
  }

  get memoryBytes(): number {
    return this.#plan.bytes;
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
        return this.#fitIntoTime(report);
      case "checkpoint":
        return this.#snapshot(report, recoveryPoint);
      case "epoch": {
        const { spec, everyEpochs } = this.#assignment;
        const isNeeded = report.epoch === spec.pauseAfterEpoch;
        const due = report.epoch % everyEpochs === 0 || report.step === report.steps || isNeeded;
        if (due || report.isBest) this.#snapshot(report, { listed: true, isBest: report.isBest, isNeeded });
        return;
      }
      case "stopped":
        if (this.#isAsked("limit")) return this.#finish(report, "maxSeconds");
        if (this.#isAsked("conclude")) return this.#finish(report, "sweep");
        this.#snapshot(report, recoveryPoint);
        return this.#say({ kind: "ended", ending: { kind: "stopped" } });
      case "interrupted":
        return this.#interrupt(report);
      case "diverged":
        return this.#say({
          kind: "ended",
          ending: { kind: "diverged", step: report.step, tensor: report.tensor, detail: report.detail },
        });
      case "finished":
        return this.#finish(report, report.reason === "rescheduled" ? "maxSeconds" : report.reason);
    }
  }

  /** Where the time left does not suffice, the schedule is fitted to it; a checkpoint keeps what was decided. */
  #fitIntoTime(report: TrainingReport): void {
    const end = this.#schedule?.endFor(report, this.#trainer.rescheduled.length) ?? null;
    if (end === null) return;
    this.#trainer.endAt(end);
    this.#snapshot(report, recoveryPoint);
    this.#say({ kind: "rescheduled", from: report.steps, to: end });
  }

  #isAsked(intent: Intent): boolean {
    return Atomics.load(this.#signals, signal.intent) === intents[intent];
  }

  /** Figures of the model that the training would leave now; or it leaves that model. */
  #interrupt(report: TrainingReport): void {
    const { interruption } = this.#assignment;
    if (interruption === null || interruption.concludes || this.#isAsked("conclude"))
      return this.#finish(report, "sweep");
    if (this.#best) this.#trainer.load(this.#best.bytes);
    const { loss, accuracy, samples } = this.#trainer.evaluate(interruption.split);
    this.#say({
      kind: "ended",
      ending: { kind: "interrupted", epoch: report.epoch, figures: { loss, accuracy, samples } },
    });
  }

  /**
   * Sends the present state up; waits while too many are on their way, so that a slow storage slows the training
   * instead of filling the memory.
   */
  #snapshot(report: TrainingReport, is: Pick<Snapshot, "listed" | "isBest" | "isNeeded">): void {
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
   * The model is the best epoch where the figures decide, else what stands now; a reproduction stops where the weights
   * to compare stood.
   */
  #finish(report: TrainingReport, reason: StopReason): void {
    const best = this.#plan.spec.stopAtStep === null ? this.#best : null;
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
      rescheduled: this.#trainer.rescheduled,
      weights,
      splits: {},
      stored: {},
    };
    const given = this.#judge(ending);
    this.#say({ kind: "ended", ending }, [weights.buffer, ...given]);
  }

  /** Figures of every split of the job, and what the model keeps of the dataset's. Answers what can be given away. */
  #judge(ending: Finished): ArrayBuffer[] {
    const { classes } = this.#assignment;
    const answers: Partial<Record<Split, Answers>> = {};
    for (const split of splitNames) {
      const found = this.#answer(split);
      if (!found) continue;
      const { loss, accuracy, samples } = found;
      ending.splits[split] = { loss, accuracy, samples };
      if ("probabilities" in found) answers[split] = found;
    }
    const { train, validation } = answers;
    if (this.#heldOut && train && validation)
      answers.train = wholeOf([train, validation], this.#heldOut, classes.length);
    const given: ArrayBuffer[] = [];
    for (const split of splitNames) {
      const own = answers[split];
      if (!own) continue;
      const bytes = split === "validation" && this.#heldOut ? null : predictionsOf(own);
      if (bytes) given.push(bytes.buffer);
      ending.stored[split] = {
        evaluation: evaluationOf(split, own, classes),
        predictions: bytes && { bytes, count: own.samples },
      };
    }
    return given;
  }

  /** Without probabilities where those of the dataset's split would be too large to keep. */
  #answer(split: Split): Answers | Evaluated | null {
    const { count, labelsAddress } = this.#plan.splits[split];
    if (count === 0) return null;
    const { classes, predictionsLimitBytes, spec } = this.#assignment;
    const stored = split === "test" ? count : (this.#heldOut?.length ?? count);
    const keep = stored * classes.length * 4 <= predictionsLimitBytes;
    const { outputs, ...evaluated } = this.#trainer.evaluate(split, { outputs: keep });
    if (!outputs) return evaluated;
    const probabilities = probabilitiesOf(outputs, { network: spec.network, classes: classes.length });
    return { ...evaluated, probabilities, labels: new Int32Array(this.#memory.buffer, labelsAddress, count).slice() };
  }
}
