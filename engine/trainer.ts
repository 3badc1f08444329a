/**
 * The training loop: epochs, steps, schedules, evaluations and stops, on the training thread; the other gradient
 * threads take part in its commands (gradient-thread.ts) and rest between them. A generator that yields at reporting
 * points only. No clock, no I/O: control words say when to report and when to stop. One seed gives the same bits on any
 * number of threads, before and after a stop.
 */
import type { Split } from "../schemas/dataset.ts";
import type { Rescheduling } from "../schemas/optimiser.ts";
import type { Tensor as FileTensor } from "./formats/safetensors.ts";
import { loadWeights, resumeFrom, takeTensors, writeCheckpoint } from "./checkpoint.ts";
import type { Step } from "./commands.ts";
import { estimateCurvature } from "./curvature.ts";
import { findBrokenWeights, findCulprit } from "./divergence.ts";
import { planExecution } from "./execution-plan.ts";
import type { ExecutionPlan } from "./execution-plan.ts";
import { Execution } from "./execution.ts";
import type { RealBytes } from "./kernels/kernels.ts";
import type { Reals } from "./memory.ts";
import { settingsWriter } from "./optimiser.ts";
import { atTheBeginning, openNextEpoch, reportOf, reviewEpoch } from "./position.ts";
import type { Position } from "./position.ts";
import { orderEpoch } from "./order.ts";
import { permutation } from "./random.ts";
import { evaluationSamples } from "./regions.ts";
import { learningRateAt } from "./schedules.ts";
import { request } from "./training.ts";
import type {
  Evaluated,
  StepRow,
  Trainer,
  TrainerOptions,
  TrainingPlan,
  TrainingPosition,
  TrainingReport,
  TrainingSpec,
} from "./training.ts";
import { gradientNorm } from "./update.ts";

/** About this many rows make the step series, whatever the length of the training. */
const wantedRows = 1000;

/** Plans a training without making its memory. Throws EngineError for what cannot be. */
export const planTraining = (spec: TrainingSpec): TrainingPlan => planTrainingWith(spec, 4);

/** The same with a choice of reals: 8 bytes for the reference in float64. */
export function planTrainingWith(spec: TrainingSpec, realBytes: RealBytes): TrainingPlan {
  const { memory, regions } = planExecution(spec, realBytes);
  return { spec, bytes: memory.bytes, splits: regions.splits, controlAddress: regions.control };
}

export function createTrainer(options: TrainerOptions): Trainer {
  return new TrainingRun(options);
}

class TrainingRun implements Trainer {
  readonly #execution: Execution;
  readonly #plan: ExecutionPlan;
  readonly #spec: TrainingSpec;
  readonly #stepsPerEpoch: number;
  readonly #steps: number;
  readonly #rowEvery: number;
  readonly #writeSettings: ReturnType<typeof settingsWriter>;
  readonly #averageScale: Reals;
  readonly #position: Position;
  #trained = 0;
  #rows: StepRow[] = [];

  constructor({ plan, memory, kernels, resume, initialWeights, initialLayers, realBytes = 4 }: TrainerOptions) {
    this.#plan = planExecution(plan.spec, realBytes);
    this.#spec = this.#plan.spec;
    this.#execution = new Execution({ plan: this.#plan, buffer: memory.buffer, kernels, thread: 0 });
    const { counts, epochs, batchSize, seed } = this.#spec;
    this.#stepsPerEpoch = Math.ceil(counts.train / batchSize);
    this.#steps = this.#stepsPerEpoch * epochs;
    this.#rowEvery = Math.max(1, Math.ceil(this.#steps / wantedRows));
    const { views } = this.#execution;
    const { network, training, regions } = this.#plan;
    const { optimiser, moved } = training;
    const { weightDecay } = this.#spec.optimiser;
    this.#writeSettings = settingsWriter({ views, optimiser, weightDecay, moved });
    this.#averageScale = views.reals(regions.averageScale, 1);
    this.#execution.install();
    for (const layer of network.layers) layer.initialise(views, seed);
    const { tensors } = network;
    if (initialWeights) loadWeights({ views, tensors, bytes: initialWeights, layers: initialLayers });
    this.#position = resume
      ? resumeFrom({ views, tensors, moved, bytes: resume, context: this.#spec })
      : atTheBeginning(this.#spec.rescheduled);
    this.#execution.prepareAll();
  }

  *run(): Generator<TrainingReport, void, undefined> {
    const position = this.#position;
    const { epochs, pauseAfterEpoch } = this.#spec;
    while (position.epoch <= epochs) {
      if (pauseAfterEpoch !== null && position.epoch > pauseAfterEpoch) {
        const epoch = position.inEpoch === 0 ? position.epoch - 1 : position.epoch;
        yield { kind: "interrupted", ...this.#report(), epoch };
        return;
      }
      this.#openEpoch();
      while (position.inEpoch < this.#stepsPerEpoch && position.step < this.#end) {
        if (!this.#step()) {
          yield { kind: "diverged", ...findCulprit(this.#plan, this.#execution.views), ...this.#report() };
          return;
        }
        if (position.step === this.#spec.stopAtStep) {
          yield this.#breakdown() ?? { kind: "finished", reason: "step", ...this.#report() };
          return;
        }
        const wanted = this.#execution.team.takeRequests();
        if (wanted === 0) continue;
        if (wanted & request.stop) {
          yield { kind: "stopped", ...this.#report() };
          return;
        }
        if (wanted & request.checkpoint) yield { kind: "checkpoint", ...this.#report() };
        if (wanted & request.report) yield { kind: "progress", ...this.#report() };
      }
      const breakdown = this.#breakdown();
      if (breakdown) {
        yield breakdown;
        return;
      }
      const { stops, report } = this.#closeEpoch();
      yield report;
      if (stops) {
        yield { kind: "finished", reason: stops, ...this.#report() };
        return;
      }
    }
  }

  get rescheduled(): readonly Rescheduling[] {
    return this.#position.rescheduled;
  }

  /** The last step. */
  get #end(): number {
    const { step, rescheduled } = this.#position;
    return rescheduled.findLast((each) => each.step <= step)?.end ?? this.#steps;
  }

  endAt(step: number): void {
    const { rescheduled, step: done } = this.#position;
    if (step <= done || step > this.#steps)
      throw new Error(`a training that has done ${done} of ${this.#steps} steps cannot end with step ${step}`);
    rescheduled.push({ step: done, end: step });
  }

  /**
   * The epoch's order, and second derivatives where the optimiser wants them (once an epoch; a resumed epoch has them
   * in its checkpoint).
   */
  #openEpoch(): void {
    const execution = this.#execution;
    const { epoch, inEpoch, step } = this.#position;
    const { seed, counts } = this.#spec;
    const { order, splits } = this.#plan.regions;
    const { curvature } = this.#plan.training.optimiser;
    const count = counts.train;
    const into = execution.views.words.subarray(order / 4, order / 4 + count);
    const firstLabel = splits.train.labelsAddress / 4;
    const labels = execution.views.ints.subarray(firstLabel, firstLabel + count);
    if (curvature && inEpoch === 0) {
      permutation({ seed, epoch, count, purpose: "curvature", into });
      estimateCurvature(execution, { ...curvature, epoch, step: step + 1 });
    }
    orderEpoch({ spec: this.#spec, epoch, labels, into });
    execution.staging?.announce(epoch, inEpoch);
  }

  /** Weights that the last step broke, though its loss was still finite. */
  #breakdown(): TrainingReport | null {
    const broken = findBrokenWeights(this.#plan, this.#execution.views);
    return broken && { kind: "diverged", ...broken, ...this.#report() };
  }

  /** One step; false where the loss is no longer finite (the weights are then as before it). */
  #step(): boolean {
    const execution = this.#execution;
    const position = this.#position;
    const { batchSize, counts, seed } = this.#spec;
    const { views } = execution;
    const start = position.inEpoch * batchSize;
    const samples = Math.min(batchSize, counts.train - start);
    const number = position.step + 1;
    const isRow = number % this.#rowEvery === 0;
    const withNorm = isRow || position.inEpoch === this.#stepsPerEpoch - 1 || number === this.#end;
    const learningRate = this.#learningRate(number);
    const step: Step = { kind: samples < batchSize ? "last" : "whole", start, epoch: position.epoch, withNorm };
    for (const layer of this.#plan.network.layers) layer.beforeStep?.(views, { seed, step: number, samples });
    execution.staging?.announce(position.epoch, position.inEpoch + 1);
    this.#writeSettings(learningRate, number);
    this.#averageScale[0] = 1 / samples;
    const { loss, correct } = execution.runStep(step);
    position.step = number;
    position.inEpoch++;
    position.lossSum += loss;
    position.correct += correct;
    position.samples += samples;
    this.#trained += samples;
    if (!Number.isFinite(loss)) return false;
    if (isRow) {
      this.#rows.push({
        step: number,
        epoch: position.epoch,
        learningRate,
        loss: loss / samples,
        accuracy: correct / samples,
        gradientNorm: gradientNorm(views, this.#plan.training.update),
      });
    }
    return true;
  }

  #learningRate(step: number): number {
    const { schedule, optimiser, epochs } = this.#spec;
    const { learningRate } = optimiser;
    const { rescheduled } = this.#position;
    return learningRateAt({ schedule, learningRate, step, stepsPerEpoch: this.#stepsPerEpoch, epochs, rescheduled });
  }

  /** Evaluates, and says whether the training ends here. */
  #closeEpoch(): ReturnType<typeof reviewEpoch> {
    const execution = this.#execution;
    const norm = gradientNorm(execution.views, this.#plan.training.update);
    const { judge } = this.#spec;
    let validation: (Evaluated & { split: Split }) | null = null;
    if (judge) {
      const { split } = judge;
      const { loss, accuracy, samples } = this.evaluate(split);
      validation = { split, loss, accuracy, samples };
    }
    const review = reviewEpoch({
      position: this.#position,
      spec: this.#spec,
      validation,
      gradientNorm: norm,
      learningRate: this.#learningRate(this.#position.step),
      steps: this.#steps,
      end: this.#end,
      report: () => this.#report(),
    });
    // Before anybody asks for a checkpoint: it belongs to the next epoch.
    if (!review.stops) openNextEpoch(this.#position);
    return review;
  }

  #report(): TrainingPosition {
    const rows = this.#rows;
    this.#rows = [];
    const steps = this.#end;
    const epochs = Math.ceil(steps / this.#stepsPerEpoch);
    return reportOf(this.#position, { steps, epochs, trained: this.#trained, rows });
  }

  checkpoint(): Uint8Array {
    const { views } = this.#execution;
    const { network, training } = this.#plan;
    return writeCheckpoint({
      views,
      tensors: network.tensors,
      moved: training.moved,
      position: this.#position,
      context: this.#spec,
    });
  }

  tensors(isWanted: (name: string) => boolean): Map<string, FileTensor> {
    const wanted = this.#plan.network.tensors.filter(({ name }) => isWanted(name));
    return takeTensors(this.#execution.views, wanted);
  }

  evaluate(split: Split, { outputs: wantsOutputs } = { outputs: false }): Evaluated & { outputs: Float32Array | null } {
    const execution = this.#execution;
    const { classes, counts } = this.#spec;
    const { network, regions } = this.#plan;
    const { views } = execution;
    const samples = counts[split];
    const outputs = wantsOutputs ? new Float32Array(samples * classes) : null;
    if (samples === 0) return { loss: 0, accuracy: 0, samples, outputs };
    for (const layer of network.layers) layer.beforeEvaluation?.(views);
    let loss = 0;
    let correct = 0;
    for (let first = 0; first < samples; first += evaluationSamples) {
      const part = { split, first, count: Math.min(evaluationSamples, samples - first) };
      const sums = execution.runEvaluation(part);
      loss += sums.loss;
      correct += sums.correct;
      outputs?.set(views.reals(regions.results, part.count * classes), first * classes);
    }
    return { loss: loss / samples, accuracy: correct / samples, samples, outputs };
  }

  load(checkpoint: Uint8Array): void {
    loadWeights({ views: this.#execution.views, tensors: this.#plan.network.tensors, bytes: checkpoint });
    this.#execution.prepareAll();
  }

  close(): void {
    this.#execution.staging?.end();
    this.#execution.team.end();
  }
}
