/**
 * The kernels of a dense layer, Bouvrie §2, recorded for dense layers and for convolutions whose output is one pixel.
 *
 *   forward    x = f(W x + b)
 *   backward   δ^{ℓ−1} = (Wᵀ δ) ∘ f′(u^{ℓ−1})      (1)
 *   gradient   ∂E/∂W = δ xᵀ, ∂E/∂b = δ             (2)
 *
 * Weights lie as [input][unit]: forward reads a row for each input, and a row is what a thread owns when the gradient
 * is deferred.
 */
import { activationCodes, blockWords, gateSquared } from "../kernels/kernels.ts";
import { ofShard } from "../layer.ts";
import type { Deferred, LayerOptions, Replacement, ShardGradient, Tensor, Together, Wires } from "../layer.ts";
import type { Program } from "../program.ts";

/**
 * From this many weights on, one gradient split by rows beats one a shard. A property of the network and the batch,
 * never of the threads.
 */
const leastDeferred = 4096;

export const isDeferred = ({ shards, batchSize, frozen }: LayerOptions, weights: number): boolean =>
  !frozen && shards > 1 && batchSize > 8 && weights >= leastDeferred;

/**
 * From this many weights on, 512 KB, blocks go through the layer together: fewer stay in the second cache while the
 * rest of the network passes through it.
 */
const leastTogether = 131_072;

export interface DenseKernels {
  options: LayerOptions;
  inputs: number;
  units: number;
  weights: number;
  /** Address of ∂E/∂W. */
  gradient: number;
  bias: Tensor;
  /** Null where the gradient is deferred. */
  weightGradient: ShardGradient | null;
  biasGradient: ShardGradient;
  squaredWeights: () => number;
}

/** Several blocks with one pass over the weights. */
function recordTogether({ options, inputs, units, weights, bias }: DenseKernels): Together {
  const { activation, inputActivation, memory, path } = options;
  const own: Replacement = { weights, bias: bias.address, activation };
  const groupOf = (wires: readonly Wires[]) => ({
    blocks: memory.table({
      what: `a table of blocks of ${path}`,
      words: wires.flatMap(({ inputDelta, ...rest }) => blockWords({ ...rest, below: inputDelta })),
    }),
    count: wires.length,
    inputs,
    units,
  });
  return {
    forward(program, wires, { activation: f, ...given } = own) {
      program.call("denseBlocksForward", {
        ...groupOf(wires),
        weights: given.weights,
        bias: given.bias,
        activation: activationCodes[f],
      });
    },
    backward(program, wires) {
      if (wires[0].inputDelta)
        program.call("denseBlocksBackward", { ...groupOf(wires), weights, gate: activationCodes[inputActivation] });
    },
  };
}

export function recordDense(kernels: DenseKernels) {
  const { options, inputs, units, weights, gradient, bias, weightGradient, biasGradient, squaredWeights } = kernels;
  const { activation, inputActivation, shards, frozen } = options;
  const gate = activationCodes[inputActivation];

  const outer = (program: Program, wires: Wires, input: number): void => {
    if (frozen) return;
    // With a deferred gradient the shard still sums the biases: no rows, all units.
    program.call("denseGradient", {
      input,
      delta: wires.delta,
      gradient: weightGradient ? ofShard(weightGradient, wires.shard) : gradient,
      biasGradient: ofShard(biasGradient, wires.shard),
      inputs: weightGradient ? inputs : 0,
      units,
      lanes: wires.lanes,
    });
  };
  const down = (program: Program, wires: Wires, from: number, code: number): void => {
    if (wires.inputDelta)
      program.call("denseBackward", {
        delta: wires.delta,
        weights: from,
        input: wires.input,
        output: wires.inputDelta,
        inputs,
        units,
        gate: code,
        lanes: wires.lanes,
      });
  };
  const deferred: Deferred = {
    gradient,
    rows: inputs,
    rowSize: units,
    inputOf: (wires, pass) => (pass === "gradient" ? wires.input : wires.own[0]),
  };
  const own: Replacement = { weights, bias: bias.address, activation };
  const forward = (program: Program, wires: Wires, { activation: f, ...given }: Replacement): void =>
    void program.call("denseForward", {
      input: wires.input,
      weights: given.weights,
      bias: given.bias,
      output: wires.output,
      inputs,
      units,
      activation: activationCodes[f],
      lanes: wires.lanes,
    });
  return {
    buffers: [],
    curvatureBuffers: [inputs],
    ...(inputs * units >= leastTogether ? { together: recordTogether(kernels) } : {}),
    ...(weightGradient || shards === 0 ? {} : { deferred }),
    forward: (program: Program, wires: Wires): void => forward(program, wires, own),
    weighted: { ...own, size: inputs * units, maps: units, sums: false, forward },
    gradient: (program: Program, wires: Wires): void => outer(program, wires, wires.input),
    backward: (program: Program, wires: Wires): void => down(program, wires, weights, gate),
    curvature(program: Program, wires: Wires): void {
      if (!frozen) program.call("square", { input: wires.input, output: wires.own[0], count: inputs * wires.lanes });
      outer(program, wires, wires.own[0]);
      down(program, wires, squaredWeights(), gate + gateSquared);
    },
  };
}
