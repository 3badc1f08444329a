/**
 * The kernels of a convolution, Bouvrie §3.1 and §3.2, recorded for the plain layer and for the learned combination:
 * the two differ only in where the filters come from. Filters lie as [input][ky][kx][map] in cross-correlation
 * orientation (stored = rot180 of the notes' k). With padding the layer has a buffer for the input between zeros, which
 * kernels use that want the zeros in memory. Where the output is one pixel that sees the whole input once, the layer is
 * a dense layer over the flattened maps and uses those kernels.
 */
import { sizeOf } from "../../schemas/shape.ts";
import type { ConvolutionLayer } from "../../schemas/layer.ts";
import { activationCodes, gateSquared, preparedFloats } from "../kernels/kernels.ts";
import { ofShard, planShardGradient } from "../layer.ts";
import type { LayerOptions, PlannedLayer, ShardGradient, Tensor, Weighted, Wires } from "../layer.ts";
import type { Program } from "../program.ts";
import { isDeferred, recordDense } from "./dense-kernels.ts";

/**
 * Floats of prepared filters that are worth keeping: of more, reading them from beyond the second cache costs what
 * making them anew does.
 */
const mostPrepared = 400_000;

/** Checkpoint order [map][input][ky][kx] → memory order [input][ky][kx][map]. */
export const placeOfFilter =
  ({ maps, inputs, area }: { maps: number; inputs: number; area: number }) =>
  (position: number): number => {
    const tap = position % area;
    const input = Math.floor(position / area) % inputs;
    const map = Math.floor(position / (area * inputs));
    return (input * area + tap) * maps + map;
  };

export interface FilterOptions {
  options: LayerOptions<ConvolutionLayer>;
  /** Address of [input][ky][kx][map]: the trained filters, or the effective ones of a learned combination. */
  weights: number;
  /** Address of ∂E/∂weights. */
  gradient: number;
  bias: Tensor;
}

export type RecordedConvolution = Pick<
  PlannedLayer,
  | "buffers"
  | "curvatureBuffers"
  | "deferred"
  | "forward"
  | "backward"
  | "gradient"
  | "curvature"
  | "seen"
  | "shardGradients"
> &
  Required<Pick<PlannedLayer, "prepareCurvature" | "weighted">>;

/** Plans the gradients of the filters and the biases, and records what computes with them. */
export function planFilters(filters: FilterOptions): RecordedConvolution {
  const { options, weights, gradient, bias } = filters;
  const { spec, path, input, memory } = options;
  const size = spec.maps * input.channels * spec.size * spec.size;
  const biasGradient = planShardGradient(options, { size: spec.maps, target: bias.gradient });
  // Only a training that wants second derivatives takes this room.
  let squared = 0;
  const squaredWeights = (): number =>
    (squared ||= memory.reserve({ what: `the squared filters of ${path}`, element: "real", count: size }));
  const prepareCurvature = (program: Program): void =>
    void program.call("square", { input: weights, output: squaredWeights(), count: size });
  const isDense = spec.padding === 0 && spec.size === input.height && spec.size === input.width;
  const weightGradient =
    isDense && isDeferred(options, size) ? null : planShardGradient(options, { size, target: gradient });
  if (weightGradient && !isDense)
    return {
      ...recordConvolution({ ...filters, weightGradient, biasGradient, squaredWeights }),
      shardGradients: [weightGradient, biasGradient],
      prepareCurvature,
    };
  const dense = { ...filters, inputs: sizeOf(input), units: spec.maps, weightGradient, biasGradient, squaredWeights };
  return {
    ...recordDense(dense),
    shardGradients: weightGradient ? [weightGradient, biasGradient] : [biasGradient],
    prepareCurvature,
  };
}

interface ConvolutionKernels extends FilterOptions {
  weightGradient: ShardGradient;
  biasGradient: ShardGradient;
  /** Address of the weights squared, for curvature. */
  squaredWeights: () => number;
}

/** Of all pixels below, or of those that filters of one pixel see: as many as the output has, not yet gated. */
type Reach = "all" | "seen";

/** δ of the layer below, from filters at an address (§3.2's 'full' convolution). */
function recordFull({ options }: ConvolutionKernels, { squares, reach }: { squares: boolean; reach: Reach }) {
  const { spec, input, output, inputActivation } = options;
  const { height: rows, width: columns } = reach === "all" ? input : output;
  const gate = activationCodes[inputActivation] + (squares ? gateSquared : 0);
  return (program: Program, wires: Wires, weights: number): void => {
    if (!wires.inputDelta) return;
    program.call("convolutionBackward", {
      delta: wires.delta,
      weights,
      input: wires.input,
      output: wires.inputDelta,
      inputs: input.channels,
      rows,
      columns,
      maps: spec.maps,
      outRows: output.height,
      outColumns: output.width,
      size: spec.size,
      stride: reach === "all" ? spec.stride : 1,
      padding: spec.padding,
      gate: reach === "all" ? gate : activationCodes.linear,
      lanes: wires.lanes,
    });
  };
}

/** The layer as predictions in `fast` numerics compute it. */
function recordWeighted({ options, weights, bias }: ConvolutionKernels): Weighted {
  const { spec, input } = options;
  const { maps, size, stride, padding } = spec;
  const { channels: inputs, height: rows, width: columns } = input;
  const shape = { inputs, rows, columns, maps, size, stride, padding };
  const floats = preparedFloats({ inputs, maps });
  return {
    weights,
    size: inputs * size * size * maps,
    bias: bias.address,
    maps,
    sums: true,
    forward(program, { input: from, output, shortcut, lanes, own }, { activation, ...given }): void {
      program.call("convolutionForward", {
        input: from,
        padded: padding > 0 ? own[0] : 0,
        ...given,
        shortcut,
        output,
        ...shape,
        activation: activationCodes[activation],
        lanes,
      });
    },
    ...(size === 3 && stride === 1 && inputs >= 8 && maps >= 8 && floats <= mostPrepared
      ? {
          preparedFloats: floats,
          prepare: (program, given) => void program.call("convolutionPrepare", { ...given, inputs, maps }),
        }
      : {}),
  };
}

function recordConvolution(kernels: ConvolutionKernels) {
  const { options, weights, bias, weightGradient, biasGradient, squaredWeights } = kernels;
  const { spec, input, activation, frozen } = options;
  const { maps, size, stride, padding } = spec;
  const { channels: inputs, height: rows, width: columns } = input;
  const around = { rows: rows + 2 * padding, columns: columns + 2 * padding };
  const paddedSize = inputs * around.rows * around.columns;
  const shape = { inputs, rows, columns, maps, size, stride, padding };
  const paddedOf = ({ own }: Wires): number => (padding > 0 ? own[0] : 0);
  /** ∂E/∂k_ij (§3.1) and ∂E/∂b_j (3). */
  const gradient = (
    program: Program,
    { delta, shard, lanes }: Wires,
    from: Record<"input" | "padded" | keyof typeof shape, number>,
    wantsBias: boolean,
  ): void => {
    if (frozen) return;
    program.call("convolutionGradient", {
      delta,
      gradient: ofShard(weightGradient, shard),
      biasGradient: wantsBias ? ofShard(biasGradient, shard) : 0,
      ...from,
      lanes,
    });
  };
  const back = (reach: Reach): Pick<PlannedLayer, "backward" | "curvature"> => {
    const down = recordFull(kernels, { squares: false, reach });
    const downSquared = recordFull(kernels, { squares: true, reach });
    return {
      backward: (program, wires) => down(program, wires, weights),
      /**
       * Squared inputs have no padded copy of their own: their zeros are written down first. Statistics are constants
       * here, so that nothing cancels a bias.
       */
      curvature(program, wires): void {
        const { input: x, own, lanes } = wires;
        const seen = paddedOf(wires) || x;
        const squared = own[padding > 0 ? 1 : 0];
        if (!frozen) {
          if (padding > 0) program.call("pad", { input: x, output: seen, maps: inputs, rows, columns, padding, lanes });
          program.call("square", { input: seen, output: squared, count: paddedSize * lanes });
        }
        gradient(program, wires, { input: squared, ...shape, ...around, padded: 0, padding: 0 }, true);
        downSquared(program, wires, squaredWeights());
      },
    };
  };
  return {
    buffers: padding > 0 ? [paddedSize] : [],
    curvatureBuffers: [paddedSize],
    forward(program: Program, wires: Wires): void {
      program.call("convolutionForward", {
        input: wires.input,
        padded: paddedOf(wires),
        weights,
        prepared: 0,
        bias: bias.address,
        shortcut: 0,
        output: wires.output,
        ...shape,
        activation: activationCodes[activation],
        lanes: wires.lanes,
      });
    },
    weighted: recordWeighted(kernels),
    gradient: (program: Program, wires: Wires): void =>
      gradient(program, wires, { input: wires.input, padded: paddedOf(wires), ...shape }, !wires.cancelsBias),
    ...back("all"),
    ...(size === 1 && padding === 0 ? { seen: back("seen") } : {}),
  };
}
