/**
 * The kernels of a convolution, Bouvrie §3.1 and §3.2, recorded for the plain layer and for the learned combination:
 * the two differ only in where the filters come from. Filters lie as [input][ky][kx][map] in cross-correlation
 * orientation (stored = rot180 of the notes' k). Never pads in place: with padding the input is copied into the middle
 * of a buffer whose border is zero.
 */
import type { ConvolutionLayer } from "../../schemas/layer.ts";
import { activationCodes, gateSquared } from "../kernels/kernels.ts";
import { ofShard } from "../layer.ts";
import type { LayerOptions, ShardGradient, Tensor, Wires } from "../layer.ts";
import type { Program } from "../program.ts";

/** Checkpoint order [map][input][ky][kx] → memory order [input][ky][kx][map]. */
export const placeOfFilter =
  ({ maps, inputs, area }: { maps: number; inputs: number; area: number }) =>
  (position: number): number => {
    const tap = position % area;
    const input = Math.floor(position / area) % inputs;
    const map = Math.floor(position / (area * inputs));
    return (input * area + tap) * maps + map;
  };

interface ConvolutionKernels {
  options: LayerOptions<ConvolutionLayer>;
  /** Address of [input][ky][kx][map]: the trained filters, or the effective ones of a learned combination. */
  weights: number;
  bias: Tensor;
  /** Absent where the gradient is deferred, or nothing is trained. */
  weightGradient: ShardGradient | null;
  biasGradient: ShardGradient;
  /** Weights squared, for curvature. */
  squaredWeights: () => number;
}

/**
 * Records the kernels of a convolution; shared by the fixed and the learned kind, which differ in where weights come
 * from.
 */
export function recordConvolution(geometry: ConvolutionKernels) {
  const { options, weights, bias, weightGradient, biasGradient } = geometry;
  const { spec, input, output, activation, inputActivation } = options;
  const rows = input.height + 2 * spec.padding;
  const columns = input.width + 2 * spec.padding;
  const padded = spec.padding > 0;
  const shape = { inputs: input.channels, maps: spec.maps, size: spec.size, stride: spec.stride };
  const paddedSize = input.channels * rows * columns;
  const [paddedBuffer, squaredBuffer] = padded ? [0, 1] : [-1, 0];
  const seen = (wires: Wires): number => (padded ? wires.own[paddedBuffer] : wires.input);

  const full = (program: Program, wires: Wires, from: number, gate: number): void => {
    if (!wires.inputDelta) return;
    program.call("convolutionBackward", {
      delta: wires.delta,
      weights: from,
      input: wires.input,
      output: wires.inputDelta,
      inputs: input.channels,
      rows: input.height,
      columns: input.width,
      maps: spec.maps,
      outRows: output.height,
      outColumns: output.width,
      size: spec.size,
      stride: spec.stride,
      padding: spec.padding,
      gate,
      lanes: wires.lanes,
    });
  };
  /** ∂E/∂k_ij (§3.1) and ∂E/∂b_j (3). */
  const gradient = (program: Program, wires: Wires, from: number): void => {
    program.call("convolutionGradient", {
      input: from,
      delta: wires.delta,
      gradient: ofShard(weightGradient!, wires.shard),
      biasGradient: ofShard(biasGradient, wires.shard),
      ...shape,
      rows,
      columns,
      lanes: wires.lanes,
    });
  };
  return {
    buffers: padded ? [paddedSize] : [],
    curvatureBuffers: [paddedSize],
    forward(program: Program, wires: Wires): void {
      if (padded) {
        program.call("pad", {
          input: wires.input,
          output: wires.own[paddedBuffer],
          maps: input.channels,
          rows: input.height,
          columns: input.width,
          padding: spec.padding,
          lanes: wires.lanes,
        });
      }
      program.call("convolutionForward", {
        input: seen(wires),
        weights,
        bias: bias.address,
        output: wires.output,
        ...shape,
        rows,
        columns,
        activation: activationCodes[activation as keyof typeof activationCodes],
        lanes: wires.lanes,
      });
    },
    backward(program: Program, wires: Wires): void {
      gradient(program, wires, seen(wires));
      full(program, wires, weights, activationCodes[inputActivation as keyof typeof activationCodes]);
    },
    curvature(program: Program, wires: Wires): void {
      const squared = wires.own[squaredBuffer];
      program.call("square", { input: seen(wires), output: squared, count: paddedSize * wires.lanes });
      gradient(program, wires, squared);
      full(
        program,
        wires,
        geometry.squaredWeights(),
        activationCodes[inputActivation as keyof typeof activationCodes] + gateSquared,
      );
    },
  };
}
