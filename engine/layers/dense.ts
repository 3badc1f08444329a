/**
 * The fully connected layer, Bouvrie §2: u = W x + b, x = f(u). Maps arrive flattened, map by map, row by row. Its
 * kernels stand in dense-kernels.
 */
import { sizeOf } from "../../schemas/shape.ts";
import type { DenseLayer } from "../../schemas/layer.ts";
import { fillWeights } from "../initialisers.ts";
import { planShardGradient, planTensor } from "../layer.ts";
import type { LayerOptions, PlannedLayer } from "../layer.ts";
import type { Views } from "../memory.ts";
import type { Program } from "../program.ts";
import { isDeferred, recordDense } from "./dense-kernels.ts";

export function planDense(options: LayerOptions<DenseLayer>): PlannedLayer {
  const { spec, path, draws, input, output, memory, activation } = options;
  const inputs = sizeOf(input);
  const { units } = spec;
  const size = inputs * units;
  // Checkpoint order [unit][input] → memory order [input][unit].
  const place = (position: number): number => (position % inputs) * units + Math.floor(position / inputs);
  const weight = planTensor(options, {
    name: "weight",
    shape: [units, inputs],
    size,
    trained: true,
    decays: true,
    place,
  });
  const bias = planTensor(options, {
    name: "bias",
    shape: [units],
    size: units,
    trained: true,
    decays: false,
    place: (position) => position,
  });
  const weightGradient = isDeferred(options, size)
    ? null
    : planShardGradient(options, { size, target: weight.gradient });
  const biasGradient = planShardGradient(options, { size: units, target: bias.gradient });
  let squared = 0;
  const squaredWeights = (): number =>
    (squared ||= memory.reserve({ what: `the squared weights of ${path}`, element: "real", count: size }));

  return {
    kind: "dense",
    input,
    output,
    activation,
    tensors: [weight, bias],
    shifts: activation === "linear" ? [bias] : [],
    ...recordDense({
      options,
      inputs,
      units,
      weights: weight.address,
      gradient: weight.gradient,
      bias,
      weightGradient,
      biasGradient,
      squaredWeights,
    }),
    shardGradients: weightGradient ? [weightGradient, biasGradient] : [biasGradient],
    initialise(views: Views, seed: number): void {
      const drawn = new Float64Array(size);
      fillWeights({
        into: drawn,
        kind: spec.initialiser,
        activation: options.declaredActivation,
        fanIn: inputs,
        fanOut: units,
        seed,
        layer: draws,
      });
      const values = views.reals(weight.address, size);
      for (let position = 0; position < size; position++) values[place(position)] = drawn[position];
      views.reals(bias.address, units).fill(0);
    },
    prepareCurvature(program: Program): void {
      program.call("square", { input: weight.address, output: squaredWeights(), count: size });
    },
  };
}
