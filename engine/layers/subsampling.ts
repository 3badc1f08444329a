/**
 * The subsampling layer, Bouvrie §3.2: x_j = f( β_j down(x_j^{ℓ−1}) + b_j ).
 *
 *   backward    δ_j^{ℓ−1} = β_j ( f′(u_j^{ℓ−1}) ∘ up(δ_j) )                                   (§3.1)
 *   gradients   ∂E/∂β_j = Σ ( δ_j ∘ d_j ) with d_j = down(x_j^{ℓ−1}) kept from the forward pass,  ∂E/∂b_j = Σ δ_j
 *
 * down is the block's sum (the notes), its mean (DeepLearnToolbox) or its maximum. Untrained, β = 1 and b = 0 stand in
 * memory as constants, so the same kernels serve; they are no tensors then. Odd edges are dropped. Never overlaps
 * blocks.
 */
import { sizeOf } from "../../schemas/shape.ts";
import type { SubsamplingLayer } from "../../schemas/layer.ts";
import { activationCodes, gateSquared, reduceCodes } from "../kernels/kernels.ts";
import { ofShard, planShardGradient, planTensor } from "../layer.ts";
import type { LayerOptions, PlannedLayer, Wires } from "../layer.ts";
import type { Views } from "../memory.ts";
import type { Program } from "../program.ts";

export function planSubsampling(options: LayerOptions<SubsamplingLayer>): PlannedLayer {
  const { spec, index, input, output, memory, activation, inputActivation, shifts } = options;
  const maps = input.channels;
  const same = (position: number): number => position;
  const plan = (name: "beta" | "bias") =>
    spec.trainable
      ? planTensor(options, { name, shape: [maps], size: maps, trained: true, decays: false, place: same })
      : {
          address: memory.reserve({ what: `the constant ${name} of layer ${index}`, element: "real", count: maps }),
          gradient: 0,
        };
  const beta = plan("beta");
  const bias = plan("bias");
  const tensors = "name" in beta && "name" in bias ? [beta, bias] : [];
  const [betaGradient, biasGradient] = [beta, bias].map((each) =>
    planShardGradient(options, { size: maps, target: each.gradient }),
  );
  const keepsDown = spec.trainable || spec.reduce === "max";
  const geometry = {
    maps,
    rows: input.height,
    columns: input.width,
    factor: spec.factor,
    reduce: reduceCodes[spec.reduce],
  };
  const gate = activationCodes[inputActivation as keyof typeof activationCodes];
  const down = (wires: Wires): number => (keepsDown ? wires.own[0] : 0);

  const gradient = (program: Program, wires: Wires, kept: number): void => {
    if (tensors.length === 0) return;
    program.call("subsamplingGradient", {
      delta: wires.delta,
      down: kept,
      betaGradient: ofShard(betaGradient, wires.shard),
      biasGradient: ofShard(biasGradient, wires.shard),
      maps,
      positions: output.height * output.width,
      lanes: wires.lanes,
    });
  };
  const up = (program: Program, wires: Wires, code: number): void => {
    if (!wires.inputDelta) return;
    program.call("subsamplingBackward", {
      delta: wires.delta,
      beta: beta.address,
      input: wires.input,
      down: down(wires),
      output: wires.inputDelta,
      ...geometry,
      gate: code,
      lanes: wires.lanes,
    });
  };

  return {
    kind: "subsampling",
    input,
    output,
    activation,
    tensors,
    // A linear subsampling passes on what only shifts its input.
    shifts: activation === "linear" ? [...shifts, ...tensors.slice(1)] : [],
    shardGradients: tensors.length > 0 ? [betaGradient, biasGradient] : [],
    buffers: keepsDown ? [sizeOf(output)] : [],
    curvatureBuffers: spec.trainable ? [sizeOf(output)] : [],
    initialise(views: Views): void {
      for (const each of tensors) views.reals(each.address, maps).fill(each === beta ? 1 : 0);
    },
    constants(views: Views): void {
      if (tensors.length === 0) views.reals(beta.address, maps).fill(1);
    },
    forward(program: Program, wires: Wires): void {
      program.call("subsamplingForward", {
        input: wires.input,
        beta: beta.address,
        bias: bias.address,
        output: wires.output,
        down: down(wires),
        ...geometry,
        activation: activationCodes[activation as keyof typeof activationCodes],
        lanes: wires.lanes,
      });
    },
    backward(program: Program, wires: Wires): void {
      gradient(program, wires, down(wires));
      up(program, wires, gate);
    },
    curvature(program: Program, wires: Wires): void {
      if (spec.trainable) {
        const squared = wires.own[1];
        program.call("square", { input: down(wires), output: squared, count: sizeOf(output) * wires.lanes });
        gradient(program, wires, squared);
      }
      up(program, wires, gate + gateSquared);
    },
  };
}
