/**
 * Batch normalisation (Ioffe & Szegedy 2015, algorithms 1 and 2), one mean and variance a map:
 *
 *   forward    x̂ = (x − mean) / √(variance + ε),  y = f( weight·x̂ + bias )
 *   backward   δ_below = f′(u_below) ∘ weight/√(variance + ε) · (δ − mean(δ) − x̂·mean(δ·x̂))
 *   gradients  ∂E/∂weight = Σ δ·x̂,  ∂E/∂bias = Σ δ
 *
 * In training the statistics are those of the whole batch, over real samples only, so the layer ends a phase both ways:
 * every shard sums in double, the shards are added in order, and the layer goes on. The batch stays resident meanwhile.
 * Evaluation uses the running statistics.
 *
 * Where the layer is frozen, and where one sample is explained (sensitivities.ts), the running statistics are constants
 * that nothing updates, and the layer is linear:
 *
 *   δ_below = f′(u_below) ∘ weight/√(variance + ε) · δ
 *
 * A constant added to a whole map is subtracted again with the batch's mean: the gradient of a bias right below is then
 * exactly 0.
 * What rounding leaves of it is taken away, or Adam would make steps of full size out of it.
 */
import { sizeOf } from "../../schemas/shape.ts";
import type { BatchNormalisationLayer } from "../../schemas/layer.ts";
import { activationCodes, gateSquared, reduceCodes } from "../kernels/kernels.ts";
import { ofShard, planShardGradient, planTensor } from "../layer.ts";
import type { LayerOptions, PlannedLayer, Scaling, ShardGradient, Tensor, Wires } from "../layer.ts";
import type { Views } from "../memory.ts";
import type { Program } from "../program.ts";

interface Parts {
  options: LayerOptions<BatchNormalisationLayer>;
  maps: number;
  positions: number;
  weight: Tensor;
  bias: Tensor;
  mean: Tensor;
  variance: Tensor;
  /** Address of the batch's mean and inverse deviation by map, of those that are running, and of the means of δ. */
  moments: number;
  runningMoments: number;
  means: number;
  /** Doubles [n, momentum, ε]. */
  settings: number;
}

function planParts(options: LayerOptions<BatchNormalisationLayer>): Parts {
  const { path, input, memory } = options;
  const maps = input.channels;
  const tensor = (name: string, trained: boolean): Tensor =>
    planTensor(options, { name, shape: [maps], size: maps, trained, decays: false, place: (position) => position });
  const pairs = (what: string): number =>
    memory.reserve({ what: `${what} of ${path}`, element: "real", count: 2 * maps });
  return {
    options,
    maps,
    positions: input.height * input.width,
    weight: tensor("weight", true),
    bias: tensor("bias", true),
    mean: tensor("mean", false),
    variance: tensor("variance", false),
    moments: pairs("the batch's moments"),
    runningMoments: pairs("the running moments"),
    means: pairs("the mean sensitivities"),
    settings: memory.reserve({ what: `settings of ${path}`, element: "double", count: 3 }),
  };
}

/** The sums that the shards add to and that one thread joins. */
function planSums({ options, maps }: Parts, what: string) {
  const { path, memory, shards } = options;
  const stride = Math.ceil((maps * 16) / 64) * 64;
  const address = memory.reserve({ what: `${what} of ${path}`, element: "byte", count: stride * shards });
  return {
    address,
    stride,
    of: (shard: number): number => address + shard * stride,
    clear: (program: Program, shard: number): void =>
      void program.call("clear", { output: address + shard * stride, count: stride / memory.realBytes }),
  };
}

function recordMeetings(parts: Parts): NonNullable<PlannedLayer["meetings"]> {
  const { options, maps, positions, weight, bias, mean, variance, moments, means, settings } = parts;
  const forward = planSums(parts, "the sums");
  const backward = planSums(parts, "the sensitivity sums");
  return {
    forward: {
      clear: forward.clear,
      each: (program, { input, header, shard, lanes }) =>
        void program.call("normalisationStatistics", {
          input,
          header,
          sums: forward.of(shard),
          maps,
          positions,
          lanes,
        }),
      join: (program, { shards }) =>
        void program.call("normalisationMoments", {
          sums: forward.address,
          moments,
          runningMean: mean.address,
          runningVariance: variance.address,
          settings,
          maps,
          shards,
          stride: forward.stride,
        }),
    },
    backward: {
      clear: backward.clear,
      each: (program, { delta, input, header, shard, lanes }) =>
        void program.call("normalisationBackwardStatistics", {
          delta,
          input,
          header,
          moments,
          sums: backward.of(shard),
          maps,
          positions,
          lanes,
        }),
      join(program, { shards }): void {
        program.call("normalisationBackwardMoments", {
          sums: backward.address,
          means,
          weightGradient: weight.gradient,
          biasGradient: bias.gradient,
          settings,
          maps,
          shards,
          stride: backward.stride,
        });
        for (const { gradient } of [weight, bias])
          program.call("scale", { gradient, scale: options.averageScale, count: maps });
      },
    },
  };
}

function recordBackward({ options, maps, positions, moments, means, weight }: Parts): PlannedLayer["backward"] {
  const gate = activationCodes[options.inputActivation];
  return (program, { delta, input, inputDelta, header, lanes }) => {
    if (!inputDelta) return;
    program.call("normalisationBackward", {
      delta,
      input,
      header,
      moments,
      means,
      weight: weight.address,
      output: inputDelta,
      maps,
      positions,
      gate,
      lanes,
    });
  };
}

/** With fixed statistics the layer is y = slope·x + rest: a subsampling of single pixels, whose kernels therefore serve. */
interface Slope {
  slope: number;
  ones: number;
  zeros: number;
  gradients: [ofWeight: ShardGradient, ofBias: ShardGradient];
}

function planSlope({ options, maps, weight, bias }: Parts): Slope {
  const { path, memory } = options;
  const reals = (what: string): number => memory.reserve({ what: `${what} of ${path}`, element: "real", count: maps });
  const gradient = ({ gradient: target }: Tensor): ShardGradient => planShardGradient(options, { size: maps, target });
  return {
    slope: reals("the slopes"),
    ones: reals("the unit weights"),
    zeros: reals("the zero biases"),
    gradients: [gradient(weight), gradient(bias)],
  };
}

/** Back with fixed statistics: first derivatives, or second ones, where all is squared. `own` has room for x̂. */
function recordFixed(
  { options, maps, positions, runningMoments }: Parts,
  { slope, ones, zeros, gradients: [ofWeight, ofBias] }: Slope,
  { squares }: { squares: boolean },
): PlannedLayer["curvature"] {
  const { input: shape, inputActivation } = options;
  const { height: rows, width: columns } = shape;
  const gate = activationCodes[inputActivation] + (squares ? gateSquared : 0);
  const gradient: PlannedLayer["backward"] = (program, { own, input, delta, header, shard, lanes }) => {
    const [normalised] = own;
    program.call("normalisationForward", {
      input,
      header,
      moments: runningMoments,
      weight: ones,
      bias: zeros,
      shortcut: 0,
      output: normalised,
      maps,
      positions,
      activation: activationCodes.linear,
      lanes,
    });
    if (squares) program.call("square", { input: normalised, output: normalised, count: sizeOf(shape) * lanes });
    program.call("subsamplingGradient", {
      delta,
      down: normalised,
      betaGradient: ofShard(ofWeight, shard),
      biasGradient: ofShard(ofBias, shard),
      maps,
      positions,
      lanes,
    });
  };
  return (program, wires) => {
    if (!options.frozen) gradient(program, wires);
    const { input, inputDelta, delta, own, lanes } = wires;
    if (!inputDelta) return;
    // This kernel cannot write where it reads.
    const output = inputDelta === delta ? own[0] : inputDelta;
    program.call("subsamplingBackward", {
      delta,
      beta: slope,
      input,
      down: 0,
      winners: 0,
      output,
      maps,
      rows,
      columns,
      blockRows: 1,
      blockColumns: 1,
      reduce: reduceCodes.sum,
      gate,
      lanes,
    });
    if (output !== inputDelta)
      program.call("pad", { input: output, output: inputDelta, maps, rows, columns, padding: 0, lanes });
  };
}

/** y = f( scale·x + shift ), in double from the running statistics. */
function scalingOf({ options, maps, weight, bias, mean, variance }: Parts) {
  return (views: Views): Scaling => {
    const [weights, biases, means, variances] = [weight, bias, mean, variance].map(({ address }) =>
      views.reals(address, maps),
    );
    const scale = Float64Array.from(weights, (each, map) => each / Math.sqrt(variances[map] + options.spec.epsilon));
    return { scale, shift: Float64Array.from(biases, (each, map) => each - means[map] * scale[map]) };
  };
}

/** What evaluation needs of the running statistics: mean and inverse deviation, and weight · inverse. */
function finishRunning({ options, maps, weight, mean, variance, runningMoments }: Parts, { slope }: Slope) {
  return (views: Views): void => {
    const moments = views.reals(runningMoments, 2 * maps);
    const slopes = views.reals(slope, maps);
    const [means, variances, weights] = [mean, variance, weight].map(({ address }) => views.reals(address, maps));
    for (let map = 0; map < maps; map++) {
      const inverse = 1 / Math.sqrt(variances[map] + options.spec.epsilon);
      moments[2 * map] = means[map];
      moments[2 * map + 1] = inverse;
      slopes[map] = inverse * weights[map];
    }
  };
}

export function planBatchNormalisation(options: LayerOptions<BatchNormalisationLayer>): PlannedLayer {
  const { spec, input, activation, explains, frozen } = options;
  const isFixed = explains || frozen;
  const shifts = options.shifts.filter(({ gradient }) => gradient !== 0);
  const parts = planParts(options);
  const { maps, positions, weight, bias, mean, variance, moments, runningMoments, settings } = parts;
  const slope = planSlope(parts);
  const normalise =
    (from: number) =>
    (program: Program, { input: x, header, shortcut, output, lanes, sum }: Wires) =>
      void program.call("normalisationForward", {
        input: x,
        header,
        moments: from,
        weight: weight.address,
        bias: bias.address,
        shortcut,
        output,
        maps,
        positions,
        activation: activationCodes[sum ?? activation],
        lanes,
      });
  return {
    kind: "batch-normalisation",
    input,
    output: input,
    activation,
    // Whoever explains shows the layer's own maps.
    sums: !explains,
    tensors: [weight, bias, mean, variance],
    shifts: activation === "linear" ? [...(isFixed ? shifts : []), bias] : [],
    shardGradients: explains ? slope.gradients : [],
    curvatureGradients: slope.gradients,
    buffers: explains ? [sizeOf(input)] : [],
    curvatureBuffers: [sizeOf(input)],
    initialise(views: Views): void {
      for (const { address } of [weight, variance]) views.reals(address, maps).fill(1);
      for (const { address } of [bias, mean]) views.reals(address, maps).fill(0);
    },
    constants(views: Views): void {
      views.reals(slope.ones, maps).fill(1);
      views.doubles.set([1, spec.momentum, spec.epsilon], settings / 8);
    },
    beforeStep(views: Views, { samples }): void {
      views.doubles[settings / 8] = samples * positions;
    },
    ...(isFixed ? {} : { meetings: recordMeetings(parts), overwrites: true }),
    ...(shifts.length > 0 && !isFixed
      ? {
          cancels: shifts,
          finish(program: Program): void {
            for (const { gradient, size } of shifts) program.call("clear", { output: gradient, count: size });
          },
        }
      : {}),
    forward: normalise(isFixed ? runningMoments : moments),
    backward: isFixed ? recordFixed(parts, slope, { squares: false }) : recordBackward(parts),
    beforeEvaluation: finishRunning(parts, slope),
    evaluate: normalise(runningMoments),
    scaling: scalingOf(parts),
    curvature: recordFixed(parts, slope, { squares: true }),
  };
}
