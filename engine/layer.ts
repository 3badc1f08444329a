/**
 * What a layer is to the rest of the engine: a value that answers everything about itself. Planning a layer gives its
 * tensors, the buffers it wants, and functions that *record* its kernels. Notation as in Bouvrie: x = f(u) is a layer's
 * output, δ = ∂E/∂u its sensitivity. A layer is handed δ of its own u and leaves δ of the u below, f′ of the layer
 * below included (the *gate*); it is told that activation as a value and never looks at another layer.
 */
import type { ActivationKind, Layer as LayerSpec } from "../schemas/layer.ts";
import type { Shape } from "../schemas/shape.ts";
import type { MemoryPlan, Views } from "./memory.ts";
import type { Program } from "./program.ts";

/** An activation that works number by number; a softmax is the network's own. */
export type LayerActivation = Exclude<ActivationKind, "softmax">;

/** A named array of numbers that belongs to a layer: trained parameters and running statistics alike. */
export interface Tensor {
  /** As in a checkpoint: `layers.{i}.weight`. */
  name: string;
  /** As in a checkpoint: filters [maps, inputs, size, size], dense weights [units, inputs]. */
  shape: number[];
  /** Elements, in memory and in a checkpoint alike. */
  size: number;
  /** Address of the values, in the engine's own order. */
  address: number;
  /** Address of ∂E/∂tensor, or 0 for what is not trained by descent, or is frozen. */
  gradient: number;
  /** Multiplier of the learning rate. */
  learningRate: number;
  /** Weight decay acts on filters and dense weights only. */
  decays: boolean;
  /** Checkpoint position → position in memory. */
  place: (position: number) => number;
  /** Position in memory → whether a parameter stands there; a sparse table leaves zeros that are none. */
  isParameter?: (place: number) => boolean;
}

/** A gradient that every shard sums for itself, [shards][size], and that the reduction adds up in shard order. */
export interface ShardGradient {
  /** Of shard 0. */
  address: number;
  /** Bytes from shard to shard. */
  stride: number;
  size: number;
  /**
   * Where the reduced, averaged gradient goes; the same as `address` where a batch is one sample and nothing needs
   * adding.
   */
  target: number;
}

/** The addresses that one slot gives a layer. */
export interface Wires {
  lanes: 1 | 8;
  header: number;
  /** x of the layer below. */
  input: number;
  /** What is added to it, where the layer ends a residual block; 0 elsewhere. */
  shortcut: number;
  /** Where the layer makes the sum that follows as well: f of it. */
  sum?: LayerActivation;
  /** x of this layer. */
  output: number;
  /** δ of this layer. */
  delta: number;
  /** Where δ of the layer below goes; 0 where nothing below is trained, or where it shares the place of `delta`. */
  inputDelta: number;
  /** Which shard's gradients and sums this slot adds to. */
  shard: number;
  /** A normalisation above takes out again what the layer's biases add: nobody asks for their gradient. */
  cancelsBias: boolean;
  /** The layer's own buffers, in the order in which it asked for them. */
  own: readonly number[];
}

/** The whole batch meets here: every slot runs `each`, then one thread runs `join`, then the layer goes on. */
export interface Meeting {
  each(program: Program, wires: Wires): void;
  /** What must be zero before a shard's first block. */
  clear(program: Program, shard: number): void;
  join(program: Program, batch: { shards: number }): void;
}

/**
 * What several blocks do together where weights are too many to be read for each of them: recorded for all slots of a
 * group in place of `forward` and `backward` of each, and with the same numbers.
 */
export interface Together {
  /** `replacement`: as of a `weighted` layer; its own where nothing is said. */
  forward(program: Program, wires: readonly Wires[], replacement?: Replacement): void;
  backward(program: Program, wires: readonly Wires[]): void;
}

/** What a prediction may run a layer with in place of its own. */
export interface Replacement {
  /** Addresses of as many weights and biases, in the same order. */
  weights: number;
  bias: number;
  activation: LayerActivation;
}

/** A layer that is linear in weights and biases of each map, maps innermost: [tap][map] and [map]. */
export interface Weighted {
  weights: number;
  size: number;
  bias: number;
  maps: number;
  /** Adds the wires' shortcut before f where `sums`. `prepared`: what `prepare` made of the weights, or 0. */
  forward(program: Program, wires: Wires, replacement: Replacement & { prepared: number }): void;
  sums: boolean;
  /** Floats to keep for what kernels make of the weights once; absent where they use them as they are. */
  preparedFloats?: number;
  prepare?(program: Program, given: { weights: number; prepared: number }): void;
}

/** y = f( scale·x + shift ), a pair of numbers a map. */
export interface Scaling {
  scale: Float64Array;
  shift: Float64Array;
}

export interface PlannedLayer {
  kind: string;
  input: Shape;
  output: Shape;
  /** f of this layer, as the layer above must gate its sensitivity. */
  activation: LayerActivation;
  tensors: readonly Tensor[];
  /** Biases here and below that only add a constant to whole maps of the output. */
  shifts: readonly Tensor[];
  /** Biases below whose constants it takes out again: their gradients are 0, which `finish` sees to. */
  cancels?: readonly Tensor[];
  shardGradients: readonly ShardGradient[];
  /** Own buffers wanted in every slot: elements of one sample. */
  buffers: readonly number[];
  /** More of them, for what the way back reads: in evaluation their addresses are 0. */
  keeps?: readonly number[];
  /** Its way back does not read its input. */
  forgetsInput?: boolean;
  /** When the output is the input, at the same place: in evaluation (dropout), or always (an identity shortcut). */
  passes?: "in evaluation" | "always";
  /** `forward` may make the sum that ends a residual block as well: adds the wires' shortcut, with f of the sum. */
  sums?: boolean;
  /** `backward` may leave δ of the layer below in the place of its own δ, which nobody reads afterwards. */
  overwrites?: boolean;

  /** Fills the tensors for a fresh start, the same numbers on every machine. */
  initialise(views: Views, seed: number): void;
  /** Writes what never changes: tables, β = 1. Once, before the first program. */
  constants?(views: Views): void;
  /** Before each training step: what depends on the step or on the samples in its batch. Step counts from 1. */
  beforeStep?(views: Views, at: { seed: number; step: number; samples: number }): void;
  /** Recorded once, run after every change of the weights: effective filters. */
  prepare?(program: Program): void;
  /** Whole-batch statistics before `forward` and before `backward`. */
  meetings?: { forward: Meeting; backward: Meeting };
  forward(program: Program, wires: Wires): void;
  /** Where it differs from `forward`: with running statistics. `beforeEvaluation` computes what that needs. */
  evaluate?(program: Program, wires: Wires): void;
  together?: Together;
  /** Where a prediction may run the layer with other weights. */
  weighted?: Weighted;
  /** Where evaluation does no more than that to each map: what stands below may do it instead. */
  scaling?(views: Views): Scaling;
  beforeEvaluation?(views: Views): void;
  /** δ of the layer below, and ∂E/∂parameters into the shard's gradients where `gradient` does not. */
  backward(program: Program, wires: Wires): void;
  /**
   * ∂E/∂parameters, where that is much work: nothing else of the pass waits for it, and all that it reads stays as it
   * is from `backward` of the layer above to the end of the pass.
   */
  gradient?(program: Program, wires: Wires): void;
  /**
   * The weights' gradient from the kept inputs and sensitivities of all blocks, by rows from ≤ row < to; where the
   * layer is `deferred`.
   */
  deferred?: Deferred;
  /** After the reduction: from shard gradients to the tensors' gradients; penalties. */
  finish?(program: Program): void;
  /** Ω of the penalty, after `finish`. */
  omega?(views: Views): number;
  /**
   * Second derivatives, Gauss–Newton (LeCun 1998, §C): as `backward`, with everything squared. The own buffers come
   * first, then what it keeps, then `curvatureBuffers`.
   */
  curvature(program: Program, wires: Wires): void;
  curvatureBuffers: readonly number[];
  /** Shards' sums of second derivatives, where they differ from `shardGradients`. */
  curvatureGradients?: readonly ShardGradient[];
  /** Of filters of one pixel: the same two, with δ only of the pixels that they see and without the gate. */
  seen?: Pick<PlannedLayer, "backward" | "curvature">;
  /** Squares of the weights, before a curvature pass. */
  prepareCurvature?(program: Program): void;
  /** From the reduced second derivatives (in place of the gradients) to one non-negative number a parameter. */
  finishCurvature?(views: Views): void;
}

/**
 * A weight gradient that is split over the threads by rows of the weights instead of being summed by shards: many
 * weights and a small gradient a sample, so adding up shards would cost more than the work. Blocks in order, so the
 * same bits on any number of threads. The layer's input, sensitivity and own buffers then stay resident for every block
 * of the batch.
 */
export interface Deferred {
  gradient: number;
  rows: number;
  rowSize: number;
  /** What a block gives: the address of its inputs; of their squares in a curvature pass. */
  inputOf(wires: Wires, pass: "gradient" | "curvature"): number;
}

export interface LayerOptions<Spec extends LayerSpec = LayerSpec> {
  spec: Spec;
  /** What the names of its tensors begin with: `layers.{i}`, in a residual block `layers.{i}.layers.{j}`. */
  path: string;
  /** The layer's part of the place of every random draw: no two layers of a network share it. */
  draws: number;
  input: Shape;
  output: Shape;
  /** f of this layer; a softmax output arrives here as `linear`, the network appends the softmax. */
  activation: LayerActivation;
  /** What the request says, softmax included: it chooses the initialiser. */
  declaredActivation: ActivationKind;
  /** f of the layer below. */
  inputActivation: LayerActivation;
  /** Biases below that only add a constant to whole maps of the input. */
  shifts: readonly Tensor[];
  memory: MemoryPlan;
  /** One sample is explained: statistics are those of prediction, taken for constants, and nothing is dropped. */
  explains: boolean;
  /**
   * Nothing of it moves: no gradient is planned and no kernel computes one, statistics are those of prediction. It runs
   * forward and passes δ down where something below learns.
   */
  frozen: boolean;
  /** Most shards of a training batch; 0 where the network only predicts and no gradient is planned. */
  shards: number;
  /** Samples of a whole batch. */
  batchSize: number;
  /** Address of one real that holds 1 / samples of the present batch. */
  averageScale: number;
}

/** Plans the values of a tensor and, where it is trained, its gradient. */
export function planTensor(
  options: LayerOptions,
  tensor: Omit<Tensor, "address" | "gradient" | "learningRate" | "name"> & { name: string; trained: boolean },
): Tensor {
  const { memory, path, spec, shards, frozen } = options;
  const { trained, ...rest } = tensor;
  const name = `${path}.${tensor.name}`;
  const reserve = (what: string) =>
    memory.reserve({ what: `${what}${name} (${tensor.size} numbers)`, element: "real", count: tensor.size });
  return {
    ...rest,
    name,
    address: reserve(""),
    gradient: trained && shards > 0 && !frozen ? reserve("the gradient of ") : 0,
    learningRate: spec.learningRate,
  };
}

/**
 * Plans a gradient that every shard sums for itself and that is reduced into `target`; with one sample a batch both are
 * one place.
 */
export function planShardGradient(
  options: LayerOptions,
  { size, target }: { size: number; target: number },
): ShardGradient {
  const { memory, shards, batchSize, path, frozen } = options;
  if (shards === 0 || batchSize === 1 || frozen) return { address: target, stride: 0, size, target };
  const stride = Math.ceil((size * memory.realBytes) / 64) * 64;
  const address = memory.reserve({
    what: `the gradients of ${path} in ${shards} shards`,
    element: "byte",
    count: stride * shards,
  });
  return { address, stride, size, target };
}

/** Whether descent moves something of a layer. */
export const learns = ({ tensors }: PlannedLayer): boolean => tensors.some(({ gradient }) => gradient !== 0);

/** The address of a shard's own sum. */
export const ofShard = (gradient: ShardGradient, shard: number): number => gradient.address + shard * gradient.stride;
