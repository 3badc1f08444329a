/**
 * What a residual block adds to its own layers (He et al. 2016): the sum that ends it, y = f(u) with u = F(x) + x, and
 * the way that x takes past F.
 *
 *   forward     y = f( F(x) + x )
 *   backward    δ of F's last layer and of the shortcut are δ of the sum: ∂u/∂F = ∂u/∂x = 1
 *               δ_below = what F passes down + f′(u_below) ∘ δ of the sum
 *
 * So the three share one place in memory for δ, but where F's last layer has an activation, whose gate then makes a δ
 * of its own. Second derivatives go the same way with squared gates; that x reaches u by two ways at once, a mixed
 * term, is left out as everywhere (LeCun 1998, §C).
 */
import type { ConvolutionLayer, ResidualLayer } from "../../schemas/layer.ts";
import { sizeOf } from "../../schemas/shape.ts";
import type { Shape } from "../../schemas/shape.ts";
import { activationCodes, gateSquared } from "../kernels/kernels.ts";
import type { LayerOptions, PlannedLayer, Wires } from "../layer.ts";
import type { Program } from "../program.ts";

const nothingTrained = {
  tensors: [],
  shardGradients: [],
  buffers: [],
  curvatureBuffers: [],
  initialise: () => undefined,
};

const pixels = ({ channels: maps, height: rows, width: columns }: Shape) => ({ maps, rows, columns });

/** The sum. `shifts` are those of both ways; `inputActivation` is that of F's last layer. */
export function planSum(options: LayerOptions<ResidualLayer>): PlannedLayer {
  const { input, output, activation, inputActivation, shifts } = options;
  const back =
    (gate: number) =>
    (program: Program, { delta, input: x, inputDelta, lanes }: Wires): void => {
      if (!inputDelta) return;
      program.call("clear", { output: inputDelta, count: sizeOf(output) * lanes });
      program.call("residualBackward", {
        delta,
        input: x,
        output: inputDelta,
        gate,
        ...pixels(output),
        stride: 1,
        lanes,
      });
    };
  return {
    kind: "residual",
    input,
    output,
    activation,
    ...nothingTrained,
    shifts: activation === "linear" ? shifts : [],
    forward(program: Program, { input: x, shortcut, output: y, lanes }: Wires): void {
      const count = sizeOf(output) * lanes;
      program.call("residualForward", {
        input: x,
        shortcut,
        output: y,
        activation: activationCodes[activation],
        count,
      });
    },
    backward: back(activationCodes[inputActivation]),
    curvature: back(activationCodes[inputActivation] + gateSquared),
  };
}

/** x as it is. Comes before F, so that on the way back it finds what F passed down and adds to it. */
export function planIdentity({ input, inputActivation }: LayerOptions<ResidualLayer>): PlannedLayer {
  const add =
    (gate: number) =>
    (program: Program, { delta, input: x, inputDelta, lanes }: Wires): void => {
      if (!inputDelta) return;
      program.call("residualBackward", {
        delta,
        input: x,
        output: inputDelta,
        gate,
        ...pixels(input),
        stride: 1,
        lanes,
      });
    };
  return {
    kind: "identity",
    input,
    output: input,
    activation: "linear",
    ...nothingTrained,
    shifts: [],
    passes: "always",
    forward: () => undefined,
    backward: add(activationCodes[inputActivation]),
    curvature: add(activationCodes[inputActivation] + gateSquared),
  };
}

/**
 * x through a 1×1 convolution, which was planned as if nothing below had an activation. Like the identity it adds to
 * what F passed down, through the gate: the convolution's own δ, of the pixels that its filters see, goes into a buffer
 * first.
 */
export function asShortcut(
  convolution: PlannedLayer,
  { spec: { stride }, inputActivation }: LayerOptions<ConvolutionLayer>,
): PlannedLayer {
  const { input, output, buffers, deferred, weighted: _weighted, together: _together, seen, ...rest } = convolution;
  const inner = (wires: Wires): Wires => ({
    ...wires,
    inputDelta: wires.inputDelta ? wires.own[0] : 0,
    own: wires.own.slice(1),
  });
  const adding =
    (record: PlannedLayer["backward"], gate: number) =>
    (program: Program, wires: Wires): void => {
      record(program, inner(wires));
      const { input: x, inputDelta, own, lanes } = wires;
      if (!inputDelta) return;
      program.call("residualBackward", {
        delta: own[0],
        input: x,
        output: inputDelta,
        gate,
        ...pixels(input),
        stride,
        lanes,
      });
    };
  const { backward, curvature } = seen ?? convolution;
  return {
    ...rest,
    input,
    output,
    kind: "projection",
    buffers: [input.channels * output.height * output.width, ...buffers],
    forward: (program, wires) => convolution.forward(program, inner(wires)),
    ...(convolution.gradient && { gradient: (program, wires) => convolution.gradient?.(program, inner(wires)) }),
    backward: adding(backward, activationCodes[inputActivation]),
    curvature: adding(curvature, activationCodes[inputActivation] + gateSquared),
    ...(deferred && { deferred: { ...deferred, inputOf: (wires, pass) => deferred.inputOf(inner(wires), pass) } }),
  };
}
