/**
 * A network under the microscope: one batch, forward and backward, with nothing moved, so that gradients can be looked
 * at, compared and checked. Runs the very programs of training, on one thread, with any implementation of the kernels,
 * in float64 where that is the reference.
 */
import { augmentation } from "../schemas/augmentation.ts";
import type { Dtype } from "../schemas/dataset.ts";
import type { Numerics } from "../schemas/job.ts";
import type { Loss, Network } from "../schemas/network.ts";
import type { Optimiser } from "../schemas/optimiser.ts";
import { sizeOf } from "../schemas/shape.ts";
import type { Shape } from "../schemas/shape.ts";
import { takeGradients, takeTensors } from "./checkpoint.ts";
import { planExecution } from "./execution-plan.ts";
import type { ExecutionPlan } from "./execution-plan.ts";
import { Execution } from "./execution.ts";
import type { Tensor as FileTensor } from "./formats/safetensors.ts";
import type { Kernels, RealBytes } from "./kernels/kernels.ts";
import { createMemory } from "./memory.ts";
import type { Reals } from "./memory.ts";
import type { TrainingSpec } from "./training.ts";

export interface InspectionOptions {
  network: Network;
  loss: Loss;
  input: Shape;
  classes: number;
  /** [count][C][H][W], already normalised, and the class of each. */
  samples: ArrayLike<number>;
  labels: ArrayLike<number>;
  seed: number;
  realBytes: RealBytes;
  kernels: (memory: WebAssembly.Memory) => Kernels;
}

/** A spec that trains nothing but what is in front of it: in order, as given, without distortion. */
export function plainSpec(options: {
  network: Network;
  loss: Loss;
  input: Shape;
  classes: number;
  count: number;
  batchSize: number;
  seed: number;
  optimiser?: Optimiser;
  dtype?: Dtype;
  numerics?: Numerics;
}): TrainingSpec {
  const {
    network,
    loss,
    input,
    classes,
    count,
    batchSize,
    seed,
    optimiser,
    dtype = "float32",
    numerics = "reproducible",
  } = options;
  return {
    network,
    loss,
    input,
    classes,
    batchSize,
    seed,
    dtype,
    numerics,
    optimiser: optimiser ?? { kind: "sgd", learningRate: 1, momentum: 0, weightDecay: 0, clipNorm: null },
    schedule: { kind: "constant", warmup: 0 },
    epochs: 1,
    shuffle: false,
    sampling: "natural",
    normalisation: {
      kind: "none",
      mean: new Array<number>(input.channels).fill(0),
      std: new Array<number>(input.channels).fill(1),
    },
    augmentation: augmentation.parse({}),
    background: 0,
    counts: { train: count, validation: 0, test: 0 },
    judge: null,
    targetAccuracy: null,
    patience: null,
    stopAtStep: null,
    rescheduled: [],
    pauseAfterEpoch: null,
    threads: 1,
  };
}

export class Inspection {
  readonly plan: ExecutionPlan;
  readonly #execution: Execution;
  readonly #count: number;

  constructor({ samples, labels, realBytes, kernels, seed, ...rest }: InspectionOptions) {
    this.#count = labels.length;
    const spec = plainSpec({ ...rest, count: this.#count, batchSize: this.#count, seed });
    this.plan = planExecution(spec, realBytes, { inspects: true });
    const memory = createMemory(this.plan.memory);
    this.#execution = new Execution({ plan: this.plan, buffer: memory.buffer, kernels: kernels(memory), thread: 0 });
    const { views } = this.#execution;
    this.#execution.install();
    const { samplesAddress, labelsAddress } = this.plan.regions.splits.train;
    views.reals(samplesAddress, this.#count * sizeOf(spec.input)).set(samples);
    views.ints.set(labels, labelsAddress / 4);
    for (let index = 0; index < this.#count; index++) views.words[this.plan.regions.order / 4 + index] = index;
    views.reals(this.plan.regions.averageScale, 1)[0] = 1 / this.#count;
    for (const layer of this.plan.network.layers) {
      layer.initialise(views, seed);
      layer.beforeStep?.(views, { seed, step: 1, samples: this.#count });
    }
  }

  /** The values of a tensor in memory order, to look at and to change. */
  values(name: string): Reals {
    const tensor = this.plan.network.tensors.find((each) => each.name === name);
    if (!tensor) throw new Error(`no tensor ${name}`);
    return this.#execution.views.reals(tensor.address, tensor.size);
  }

  gradientOf(name: string): Reals {
    const tensor = this.plan.network.tensors.find((each) => each.name === name);
    if (!tensor?.gradient) throw new Error(`nothing trains ${name}`);
    return this.#execution.views.reals(tensor.gradient, tensor.size);
  }

  /** Mean loss of the batch, and with Ω added once. */
  forward(): { loss: number; penalisedLoss: number; correct: number } {
    return this.#pass("forward");
  }

  /** As forward, and leaves the gradient of the penalised loss in place. */
  gradient(): { loss: number; penalisedLoss: number; correct: number } {
    return this.#pass("gradient");
  }

  #pass(kind: "forward" | "gradient"): { loss: number; penalisedLoss: number; correct: number } {
    this.#execution.prepareAll();
    const { loss, correct } = this.#execution.runStep({ kind, start: 0, epoch: 1, withNorm: false });
    const omega = this.plan.network.layers.reduce((sum, layer) => sum + (layer.omega?.(this.#execution.views) ?? 0), 0);
    return { loss: loss / this.#count, penalisedLoss: loss / this.#count + omega, correct };
  }

  /** Outputs of the last pass, [count][classes], softmax applied where the network ends in one. */
  outputs(): Reals {
    return this.#execution.views.reals(this.plan.regions.results, this.#count * this.plan.spec.classes).slice();
  }

  tensors(): Map<string, FileTensor> {
    return takeTensors(this.#execution.views, this.plan.network.tensors);
  }

  gradients(): Map<string, FileTensor> {
    return takeGradients(this.#execution.views, this.plan.training.moved);
  }

  /** Puts file-order values into a tensor. */
  put(name: string, data: ArrayLike<number | bigint>): void {
    const tensor = this.plan.network.tensors.find((each) => each.name === name);
    if (!tensor) throw new Error(`no tensor ${name}`);
    if (data.length !== tensor.size) throw new Error(`${name} has ${tensor.size} numbers, not ${data.length}`);
    const values = this.#execution.views.reals(tensor.address, tensor.size);
    for (let position = 0; position < tensor.size; position++) values[tensor.place(position)] = Number(data[position]);
  }
}
