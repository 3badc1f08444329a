/**
 * The training loop: epochs, steps, schedules, evaluations and stops, on the training thread; the other gradient
 * threads follow its commands. A generator that yields at reporting points only. No clock, no I/O: control words say
 * when to report and when to stop, whoever holds the thread does the writing. One seed gives the same bits on any
 * number of threads, before and after a stop.
 */
import type { Split } from "../schemas/dataset.ts";
import { loadWeights, resumeFrom, writeCheckpoint } from "./checkpoint.ts";
import type { Position } from "./checkpoint.ts";
import { evaluationSamples, planExecution } from "./execution-plan.ts";
import type { ExecutionPlan } from "./execution-plan.ts";
import { Execution } from "./execution.ts";
import type { StepArguments } from "./execution.ts";
import type { RealBytes } from "./kernels/kernels.ts";
import type { PlannedLayer } from "./layer.ts";
import type { Reals } from "./memory.ts";
import { settingsWriter } from "./optimisers.ts";
import { permutation } from "./random.ts";
import { learningRateAt } from "./schedules.ts";
import { request } from "./training.ts";
import type {
  Evaluated,
  GradientThreadOptions,
  StepRow,
  Trainer,
  TrainerOptions,
  TrainingPlan,
  TrainingPosition,
  TrainingReport,
  TrainingSpec,
} from "./training.ts";
import { gradientNorm, shardGradientsOf } from "./update.ts";

const commands = { rest: 0, step: 1, evaluate: 2, end: 3 } as const;
const splitCodes: readonly Split[] = ["train", "validation", "test"];
/** About this many rows make the step series, whatever the length of the training. */
const wantedRows = 1000;

const stepArguments = ({ kind, start, epoch, withNorm }: StepArguments): number[] => [
  kind,
  start,
  epoch,
  withNorm ? 1 : 0,
];

/** Plans a training without making its memory. Throws EngineError for what cannot be. */
export const planTraining = (spec: TrainingSpec): TrainingPlan => planTrainingWith(spec, 4);

/** The same with a choice of reals: 8 bytes for the reference in float64. */
export function planTrainingWith(spec: TrainingSpec, realBytes: RealBytes): TrainingPlan {
  const { memory, splits, control } = planExecution(spec, realBytes);
  return { spec, bytes: memory.bytes, splits, controlAddress: control };
}

/** A gradient thread: follows the trainer's commands until it closes. */
export function runGradientThread({ plan, memory, kernels, thread, realBytes = 4 }: GradientThreadOptions): void {
  const execution = new Execution({
    plan: planExecution(plan.spec, realBytes),
    buffer: memory.buffer,
    kernels,
    thread,
  });
  for (;;) {
    const { code, given } = execution.team.next();
    if (code === commands.end) return;
    // Says that the word was read: thread 0 may write the next one at once.
    if (code === commands.rest) execution.team.barrier();
    if (code === commands.step)
      execution.runStep({
        kind: given(0) as StepArguments["kind"],
        start: given(1),
        epoch: given(2),
        withNorm: given(3) === 1,
      });
    if (code === commands.evaluate) execution.runEvaluation(splitCodes[given(0)], given(1), given(2));
  }
}

export function createTrainer(options: TrainerOptions): Trainer {
  return new TrainingRun(options);
}

const beginning = (): Position => ({
  epoch: 1,
  step: 0,
  inEpoch: 0,
  lossSum: 0,
  correct: 0,
  samples: 0,
  best: null,
  epochsSinceBest: 0,
});

class TrainingRun implements Trainer {
  readonly #execution: Execution;
  readonly #plan: ExecutionPlan;
  readonly #spec: TrainingSpec;
  readonly #stepsPerEpoch: number;
  readonly #steps: number;
  readonly #rowEvery: number;
  readonly #evaluatedSplit: Split | null;
  readonly #writeSettings: ReturnType<typeof settingsWriter>;
  readonly #averageScale: Reals;
  readonly #stepLayers: readonly PlannedLayer[];
  #position = beginning();
  #trained = 0;
  #rows: StepRow[] = [];

  constructor({ plan, memory, kernels, resume, initialWeights, realBytes = 4 }: TrainerOptions) {
    this.#plan = planExecution(plan.spec, realBytes);
    this.#spec = this.#plan.spec;
    this.#execution = new Execution({ plan: this.#plan, buffer: memory.buffer, kernels, thread: 0 });
    const { counts, epochs, batchSize, seed } = this.#spec;
    this.#stepsPerEpoch = Math.ceil(counts.train / batchSize);
    this.#steps = this.#stepsPerEpoch * epochs;
    this.#rowEvery = Math.max(1, Math.ceil(this.#steps / wantedRows));
    this.#evaluatedSplit = counts.validation > 0 ? "validation" : counts.test > 0 ? "test" : null;
    const { views } = this.#execution;
    const { network, moved } = this.#plan;
    this.#writeSettings = settingsWriter({ views, optimiser: this.#spec.optimiser, moved });
    this.#averageScale = views.reals(this.#plan.averageScale, 1);
    this.#stepLayers = network.layers.filter((layer) => layer.beforeStep);
    this.#execution.install();
    for (const layer of network.layers) layer.initialise(views, seed);
    if (initialWeights) loadWeights({ views, tensors: network.tensors, bytes: initialWeights });
    if (resume)
      this.#position = resumeFrom({ views, tensors: network.tensors, moved, bytes: resume, context: this.#spec });
    this.#execution.prepareAll();
  }

  *run(): Generator<TrainingReport, void, undefined> {
    const spec = this.#spec;
    const position = this.#position;
    while (position.epoch <= spec.epochs) {
      this.#openEpoch();
      while (position.inEpoch < this.#stepsPerEpoch) {
        const finite = this.#step();
        if (!finite) {
          yield { kind: "diverged", ...this.#culprit(), ...this.#report() };
          return;
        }
        if (position.step === spec.stopAtStep) {
          this.#settle();
          yield { kind: "finished", reason: "step", ...this.#report() };
          return;
        }
        const wanted = this.#execution.team.takeRequests();
        if (wanted === 0) continue;
        this.#settle();
        if (wanted & request.stop) {
          yield { kind: "stopped", ...this.#report() };
          return;
        }
        if (wanted & request.checkpoint) yield { kind: "checkpoint", ...this.#report() };
        if (wanted & request.report) yield { kind: "progress", ...this.#report() };
      }
      const { stops, report } = this.#closeEpoch();
      yield report;
      if (stops) {
        yield { kind: "finished", reason: stops, ...this.#report() };
        return;
      }
    }
  }

  /** Meets all threads, so that what they wrote can be read. */
  #settle(): void {
    this.#execution.team.command(commands.rest);
    this.#execution.team.barrier();
  }

  /**
   * The epoch's order, and second derivatives where the optimiser wants them (once an epoch; a resumed epoch has them
   * in its checkpoint).
   */
  #openEpoch(): void {
    const spec = this.#spec;
    const position = this.#position;
    const plan = this.#plan;
    const execution = this.#execution;
    const { train: count } = spec.counts;
    const into = execution.views.words.subarray(plan.order / 4, plan.order / 4 + count);
    this.#settle();
    if (plan.curvature && position.inEpoch === 0) {
      permutation({ seed: spec.seed, epoch: position.epoch, count, purpose: "curvature", into });
      this.#estimateCurvature();
    }
    if (spec.shuffle) permutation({ seed: spec.seed, epoch: position.epoch, count, into });
    else for (let index = 0; index < count; index++) into[index] = index;
    execution.staging?.announce(position.epoch, position.inEpoch);
  }

  /** h_kk averaged over the first samples of the order (LeCun 1998, §C), each batch's mean in turn. */
  #estimateCurvature(): void {
    const spec = this.#spec;
    const plan = this.#plan;
    const execution = this.#execution;
    const { views, team } = execution;
    if (spec.optimiser.kind !== "diagonal-levenberg-marquardt") return;
    const batches = Math.max(1, Math.floor(Math.min(spec.optimiser.samples, spec.counts.train) / spec.batchSize));
    const states = plan.moved.map(({ tensor, state }) => ({
      sum: new Float64Array(tensor.size),
      from: views.reals(tensor.gradient, tensor.size),
      into: views.reals(state[0].address, tensor.size),
    }));
    for (const layer of plan.network.layers) layer.beforeEvaluation?.(views);
    execution.prepareCurvature();
    for (let batch = 0; batch < batches; batch++) {
      const step: StepArguments = {
        kind: 2,
        start: batch * spec.batchSize,
        epoch: this.#position.epoch,
        withNorm: false,
      };
      this.#beforeStep(spec.batchSize);
      team.command(commands.step, stepArguments(step));
      this.#averageScale[0] = 1 / spec.batchSize;
      execution.runStep(step);
      this.#settle();
      for (const layer of plan.network.layers) layer.finishCurvature?.(views);
      for (const { sum, from } of states)
        for (let index = 0; index < sum.length; index++) sum[index] = sum[index] + Math.max(0, from[index]);
    }
    for (const { sum, into } of states)
      for (let index = 0; index < sum.length; index++) into[index] = sum[index] / batches;
  }

  #beforeStep(samples: number): void {
    const spec = this.#spec;
    const position = this.#position;
    const execution = this.#execution;
    for (const layer of this.#stepLayers)
      layer.beforeStep!(execution.views, { seed: spec.seed, step: position.step + 1, samples });
  }

  /** One step; false where the loss is no longer finite (the weights are then as before it). */
  #step(): boolean {
    const spec = this.#spec;
    const plan = this.#plan;
    const position = this.#position;
    const execution = this.#execution;
    const { views, team } = execution;
    const start = position.inEpoch * spec.batchSize;
    const samples = Math.min(spec.batchSize, spec.counts.train - start);
    const number = position.step + 1;
    const isRow = number % this.#rowEvery === 0;
    const withNorm = isRow || position.inEpoch === this.#stepsPerEpoch - 1;
    const learningRate = this.#learningRate(number);
    const step: StepArguments = { kind: samples < spec.batchSize ? 1 : 0, start, epoch: position.epoch, withNorm };
    this.#beforeStep(samples);
    team.command(commands.step, stepArguments(step));
    execution.staging?.announce(position.epoch, position.inEpoch + 1);
    // The others are past the last update and not yet at the next: only now may its settings change.
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
      this.#settle();
      this.#rows.push({
        step: number,
        epoch: position.epoch,
        learningRate,
        loss: loss / samples,
        accuracy: correct / samples,
        gradientNorm: gradientNorm(views, plan.update),
      });
    }
    return true;
  }

  #learningRate(step: number): number {
    const { schedule, optimiser, epochs } = this.#spec;
    return learningRateAt({
      schedule,
      learningRate: optimiser.learningRate,
      step,
      stepsPerEpoch: this.#stepsPerEpoch,
      epochs,
    });
  }

  #closeEpoch(): { stops: "validationAccuracy" | "patience" | "epochs" | null; report: TrainingReport } {
    const spec = this.#spec;
    const position = this.#position;
    const plan = this.#plan;
    const execution = this.#execution;
    this.#settle();
    const norm = gradientNorm(execution.views, plan.update);
    const split = this.#evaluatedSplit;
    const { outputs: _, ...found } = split ? this.evaluate(split) : { outputs: null, loss: 0, accuracy: 0, samples: 0 };
    const validation = split ? { split, ...found } : null;
    const isBest = validation !== null && (position.best === null || validation.accuracy > position.best.accuracy);
    if (isBest) {
      position.best = {
        epoch: position.epoch,
        step: position.step,
        accuracy: validation.accuracy,
        loss: validation.loss,
      };
      position.epochsSinceBest = 0;
    } else position.epochsSinceBest++;
    const report: TrainingReport = {
      kind: "epoch",
      validation,
      isBest,
      best: position.best,
      epochsSinceBest: validation ? position.epochsSinceBest : null,
      gradientNorm: norm,
      learningRate: this.#learningRate(position.step),
      ...this.#report(),
    };
    const reached = spec.targetAccuracy !== null && validation !== null && validation.accuracy >= spec.targetAccuracy;
    const tired = spec.patience !== null && validation !== null && position.epochsSinceBest >= spec.patience;
    const stops = reached
      ? "validationAccuracy"
      : tired
        ? "patience"
        : position.epoch === spec.epochs
          ? "epochs"
          : null;
    if (!stops) Object.assign(position, { epoch: position.epoch + 1, inEpoch: 0, lossSum: 0, correct: 0, samples: 0 });
    return { stops, report };
  }

  #report(): TrainingPosition {
    const position = this.#position;
    const steps = this.#steps;
    const trained = this.#trained;
    const { epoch, step, samples, lossSum, correct } = position;
    const rows = this.#rows;
    this.#rows = [];
    return {
      epoch,
      step,
      steps,
      samples: trained,
      loss: samples > 0 ? lossSum / samples : null,
      accuracy: samples > 0 ? correct / samples : null,
      rows,
    };
  }

  /** Where the first number that is not finite stands: in the weights, in a gradient, or in the loss alone. */
  #culprit(): { tensor: string; detail: string } {
    const { views } = this.#execution;
    const { network } = this.#plan;
    this.#settle();
    const broken = (address: number, size: number): boolean =>
      views.reals(address, size).some((value) => !Number.isFinite(value));
    for (const tensor of network.tensors)
      if (broken(tensor.address, tensor.size))
        return { tensor: tensor.name, detail: `${tensor.name} holds numbers that are not finite` };
    for (const [index, layer] of network.layers.entries()) {
      for (const gradient of shardGradientsOf(layer, "gradient")) {
        const tensor = network.tensors.find((each) => each.gradient === gradient.target);
        if (broken(gradient.address, gradient.size))
          return {
            tensor: tensor?.name ?? `layers.${index}.weight`,
            detail: `the gradient of ${tensor?.name ?? `the effective filters of layer ${index}`} is not finite`,
          };
      }
    }
    return { tensor: "loss", detail: "the loss is not finite" };
  }

  checkpoint(): Uint8Array {
    const { views } = this.#execution;
    const { network, moved } = this.#plan;
    this.#settle();
    return writeCheckpoint({ views, tensors: network.tensors, moved, position: this.#position, context: this.#spec });
  }

  evaluate(split: Split, { outputs: wantsOutputs } = { outputs: false }): Evaluated & { outputs: Float32Array | null } {
    const execution = this.#execution;
    const plan = this.#plan;
    const spec = this.#spec;
    const { views, team } = execution;
    const count = spec.counts[split];
    const outputs = wantsOutputs ? new Float32Array(count * spec.classes) : null;
    if (count === 0) return { loss: 0, accuracy: 0, samples: 0, outputs };
    this.#settle();
    for (const layer of plan.network.layers) layer.beforeEvaluation?.(views);
    let loss = 0;
    let correct = 0;
    for (let first = 0; first < count; first += evaluationSamples) {
      const part = Math.min(evaluationSamples, count - first);
      team.command(commands.evaluate, [splitCodes.indexOf(split), first, part]);
      execution.runEvaluation(split, first, part);
      const sums = execution.evaluationSums(split);
      loss += sums.loss;
      correct += sums.correct;
      outputs?.set(views.reals(plan.results, part * spec.classes), first * spec.classes);
    }
    return { loss: loss / count, accuracy: correct / count, samples: count, outputs };
  }

  load(checkpoint: Uint8Array): void {
    this.#settle();
    loadWeights({ views: this.#execution.views, tensors: this.#plan.network.tensors, bytes: checkpoint });
    this.#execution.prepareAll();
  }

  close(): void {
    this.#execution.staging?.end();
    this.#execution.team.command(commands.end);
  }
}
