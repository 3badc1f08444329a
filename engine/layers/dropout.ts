/**
 * Dropout (Hinton et al. 2012; Krizhevsky et al. 2012 §4.2), inverted: in training a unit is silenced with probability
 * `rate` and the others are scaled by 1/(1−rate), so that evaluation changes nothing. Whether a unit is kept is a hash
 * of (seed, layer, step; sample; unit): no mask is stored, the backward pass draws the same again, and a resumed run
 * draws what the undisturbed one drew.
 */
import { sizeOf } from "../../schemas/shape.ts";
import type { DropoutLayer } from "../../schemas/layer.ts";
import { activationCodes, gateSquared } from "../kernels/kernels.ts";
import { hash, purposes } from "../random.ts";
import type { LayerOptions, PlannedLayer, Wires } from "../layer.ts";
import type { Views } from "../memory.ts";
import type { Program } from "../program.ts";

export function planDropout(options: LayerOptions<DropoutLayer>): PlannedLayer {
  const { spec, path, draws, input, memory, inputActivation, explains } = options;
  const rate = explains ? 0 : spec.rate;
  const units = sizeOf(input);
  const key = memory.reserve({ what: `the key of ${path}`, element: "int", count: 1 });
  const factor = memory.reserve({ what: `the factor of ${path}`, element: "real", count: 1 });
  const threshold = Math.min(Math.round(rate * 2 ** 32), 2 ** 32 - 1);
  const gate = activationCodes[inputActivation];
  const common = (wires: Wires) => ({ header: wires.header, key, factor, threshold, units, lanes: wires.lanes });
  const back = (program: Program, wires: Wires, code: number): void => {
    if (wires.inputDelta)
      program.call("dropoutBackward", {
        delta: wires.delta,
        input: wires.input,
        output: wires.inputDelta,
        ...common(wires),
        gate: code,
      });
  };
  return {
    kind: "dropout",
    input,
    output: input,
    activation: "linear",
    tensors: [],
    shifts: [],
    shardGradients: [],
    buffers: [],
    curvatureBuffers: [],
    passes: "in evaluation",
    initialise: () => undefined,
    constants(views: Views): void {
      views.reals(factor, 1)[0] = 1 / (1 - rate);
    },
    beforeStep(views: Views, { seed, step }): void {
      views.words[key / 4] = hash(purposes.dropout, seed, draws, step);
    },
    forward(program: Program, wires: Wires): void {
      program.call("dropoutForward", { input: wires.input, output: wires.output, ...common(wires) });
    },
    backward: (program, wires) => back(program, wires, gate),
    curvature: (program, wires) => back(program, wires, gate + gateSquared),
  };
}
