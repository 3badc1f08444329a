/**
 * Batch normalisation (Ioffe & Szegedy 2015, algorithms 1 and 2), one mean and variance a map:
 *
 *   forward    x̂ = (x − mean) / √(variance + ε),  y = weight·x̂ + bias
 *   backward   δ_below = f′(u_below) ∘ weight/√(variance + ε) · (δ − mean(δ) − x̂·mean(δ·x̂))
 *   gradients  ∂E/∂weight = Σ δ·x̂,  ∂E/∂bias = Σ δ
 *
 * In training the statistics are those of the whole batch, over real samples only, so the layer ends a phase both ways:
 * every shard sums in double, the shards are added in order, and the layer goes on. The batch stays resident meanwhile.
 * Evaluation uses the running statistics.
 *
 * A constant added to a whole map is subtracted again with the mean: the gradient of a bias right below is exactly 0.
 * What rounding leaves of it is taken away, or Adam would make steps of full size out of it.
 */
import { sizeOf } from "../../schemas/shape.ts";
import type { BatchNormalisationLayer } from "../../schemas/layer.ts";
import { activationCodes, gateSquared, reduceCodes } from "../kernels/kernels.ts";
import { ofShard, planShardGradient, planTensor } from "../layer.ts";
import type { LayerOptions, PlannedLayer, Wires } from "../layer.ts";
import type { Views } from "../memory.ts";
import type { Program } from "../program.ts";

export function planBatchNormalisation(options: LayerOptions<BatchNormalisationLayer>): PlannedLayer {
  const { spec, index, input, memory, inputActivation, shifts, shards, averageScale } = options;
  const maps = input.channels;
  const positions = input.height * input.width;
  const same = (position: number): number => position;
  const tensor = (name: string, trained: boolean) =>
    planTensor(options, { name, shape: [maps], size: maps, trained, decays: false, place: same });
  const [weight, bias, mean, variance] = [
    tensor("weight", true),
    tensor("bias", true),
    tensor("mean", false),
    tensor("variance", false),
  ] as const;
  const reals = (what: string, count: number) =>
    memory.reserve({ what: `${what} of layer ${index}`, element: "real", count });
  const runningMoments = reals("the running moments", 2 * maps);
  const ones = reals("the unit weights", maps);
  const zeros = reals("the zero biases", maps);
  const slope = reals("the slopes", maps);
  const moments = reals("the batch's moments", 2 * maps);
  const means = reals("the mean sensitivities", 2 * maps);
  const settings = memory.reserve({ what: `settings of layer ${index}`, element: "double", count: 3 });
  const sumsStride = Math.ceil((maps * 16) / 64) * 64;
  const sumsOf = (what: string) =>
    memory.reserve({ what: `${what} of layer ${index}`, element: "byte", count: sumsStride * shards });
  const [forwardSums, backwardSums] = [sumsOf("the sums"), sumsOf("the sensitivity sums")];
  const curvatureGradients = [weight, bias].map((each) =>
    planShardGradient(options, { size: maps, target: each.gradient }),
  );
  const clear = (sums: number) => (program: Program, shard: number) =>
    void program.call("clear", { output: sums + shard * sumsStride, count: sumsStride / memory.realBytes });
  const gate = activationCodes[inputActivation as keyof typeof activationCodes];
  const at = { maps, positions };
  const normalise = (from: number) => (program: Program, wires: Wires) =>
    void program.call("normalisationForward", {
      input: wires.input,
      header: wires.header,
      moments: from,
      weight: weight.address,
      bias: bias.address,
      output: wires.output,
      ...at,
      lanes: wires.lanes,
    });

  return {
    kind: "batch-normalisation",
    input,
    output: input,
    activation: "linear",
    tensors: [weight, bias, mean, variance],
    shifts: [bias],
    shardGradients: [],
    curvatureGradients,
    buffers: [],
    curvatureBuffers: [sizeOf(input)],
    initialise(views: Views): void {
      for (const [each, value] of [
        [weight, 1],
        [bias, 0],
        [mean, 0],
        [variance, 1],
      ] as const)
        views.reals(each.address, maps).fill(value);
    },
    constants(views: Views): void {
      views.reals(ones, maps).fill(1);
      views.doubles.set([1, spec.momentum, spec.epsilon], settings / 8);
    },
    beforeStep(views: Views, { samples }): void {
      views.doubles[settings / 8] = samples * positions;
    },
    meetings: {
      forward: {
        clear: clear(forwardSums),
        each: (program, wires) =>
          void program.call("normalisationStatistics", {
            input: wires.input,
            header: wires.header,
            sums: forwardSums + wires.shard * sumsStride,
            ...at,
            lanes: wires.lanes,
          }),
        join: (program, { shards: present }) =>
          void program.call("normalisationMoments", {
            sums: forwardSums,
            moments,
            runningMean: mean.address,
            runningVariance: variance.address,
            settings,
            maps,
            shards: present,
            stride: sumsStride,
          }),
      },
      backward: {
        clear: clear(backwardSums),
        each: (program, wires) =>
          void program.call("normalisationBackwardStatistics", {
            delta: wires.delta,
            input: wires.input,
            header: wires.header,
            moments,
            sums: backwardSums + wires.shard * sumsStride,
            ...at,
            lanes: wires.lanes,
          }),
        join(program, { shards: present }): void {
          program.call("normalisationBackwardMoments", {
            sums: backwardSums,
            means,
            weightGradient: weight.gradient,
            biasGradient: bias.gradient,
            settings,
            maps,
            shards: present,
            stride: sumsStride,
          });
          for (const each of [weight, bias])
            program.call("scale", { gradient: each.gradient, scale: averageScale, count: maps });
        },
      },
    },
    ...(shifts.length > 0
      ? {
          finish(program: Program): void {
            for (const each of shifts) program.call("clear", { output: each.gradient, count: each.size });
          },
        }
      : {}),
    forward: normalise(moments),
    backward(program: Program, wires: Wires): void {
      if (!wires.inputDelta) return;
      program.call("normalisationBackward", {
        delta: wires.delta,
        input: wires.input,
        header: wires.header,
        moments,
        means,
        weight: weight.address,
        output: wires.inputDelta,
        ...at,
        gate,
        lanes: wires.lanes,
      });
    },
    beforeEvaluation(views: Views): void {
      const [average, spread, into, factor, scale] = [
        mean.address,
        variance.address,
        runningMoments,
        slope,
        weight.address,
      ].map((address) => views.reals(address, 2 * maps));
      for (let map = 0; map < maps; map++) {
        const inverse = 1 / Math.sqrt(spread[map] + spec.epsilon);
        into[2 * map] = average[map];
        into[2 * map + 1] = inverse;
        factor[map] = inverse * scale[map];
      }
    },
    evaluate: normalise(runningMoments),
    // With fixed statistics the layer is y = slope·x + rest: a subsampling of factor 1, whose kernels therefore serve.
    curvature(program: Program, wires: Wires): void {
      const squared = wires.own[0];
      const size = sizeOf(input) * wires.lanes;
      program.call("normalisationForward", {
        input: wires.input,
        header: wires.header,
        moments: runningMoments,
        weight: ones,
        bias: zeros,
        output: squared,
        ...at,
        lanes: wires.lanes,
      });
      program.call("square", { input: squared, output: squared, count: size });
      const [weightCurvature, biasCurvature] = curvatureGradients;
      program.call("subsamplingGradient", {
        delta: wires.delta,
        down: squared,
        betaGradient: ofShard(weightCurvature, wires.shard),
        biasGradient: ofShard(biasCurvature, wires.shard),
        ...at,
        lanes: wires.lanes,
      });
      if (!wires.inputDelta) return;
      program.call("subsamplingBackward", {
        delta: wires.delta,
        beta: slope,
        input: wires.input,
        down: 0,
        output: wires.inputDelta,
        maps,
        rows: input.height,
        columns: input.width,
        factor: 1,
        reduce: reduceCodes.sum,
        gate: gate + gateSquared,
        lanes: wires.lanes,
      });
    },
  };
}
