/**
 * The subsampling layer, Bouvrie §3.2: x_j = f( β_j down(x_j^{ℓ−1}) + b_j ).
 *
 *   backward    δ_j^{ℓ−1} = β_j ( f′(u_j^{ℓ−1}) ∘ up(δ_j) )                                   (§3.1)
 *   gradients   ∂E/∂β_j = Σ ( δ_j ∘ d_j ) with d_j = down(x_j^{ℓ−1}) kept from the forward pass,  ∂E/∂b_j = Σ δ_j
 *
 * down is the block's sum (the notes), its mean (DeepLearnToolbox) or its maximum. Untrained, β = 1 and b = 0 stand in
 * memory as constants, so the same kernels serve; they are no tensors then. Odd edges are dropped. With
 * the factor `all` one block covers the whole map. Blocks never overlap.
 */
import { sizeOf } from "../../schemas/shape.ts";
import { blockOf } from "../../schemas/network-shape.ts";
import type { SubsamplingLayer } from "../../schemas/layer.ts";
import { activationCodes, gateSquared, reduceCodes } from "../kernels/kernels.ts";
import { ofShard, planShardGradient, planTensor } from "../layer.ts";
import type { LayerOptions, PlannedLayer, ShardGradient, Tensor, Wires } from "../layer.ts";
import type { Views } from "../memory.ts";
import type { Program } from "../program.ts";

/** β and b where they are trained. */
interface Trained {
  beta: Tensor;
  bias: Tensor;
  betaGradient: ShardGradient;
  biasGradient: ShardGradient;
}

function planTrained(options: LayerOptions<SubsamplingLayer>): Trained {
  const maps = options.input.channels;
  const [beta, bias] = ["beta", "bias"].map((name) =>
    planTensor(options, { name, shape: [maps], size: maps, trained: true, decays: false, place: (at) => at }),
  );
  const [betaGradient, biasGradient] = [beta, bias].map(({ gradient: target }) =>
    planShardGradient(options, { size: maps, target }),
  );
  return { beta, bias, betaGradient, biasGradient };
}

/** β = 1 and b = 0, which nobody trains. */
function planConstants({ path, input, memory }: LayerOptions): { beta: number; bias: number } {
  const reals = (what: string): number =>
    memory.reserve({ what: `the constant ${what} of ${path}`, element: "real", count: input.channels });
  return { beta: reals("β"), bias: reals("b") };
}

function recordGradient({ output }: LayerOptions, { betaGradient, biasGradient }: Trained) {
  return (program: Program, { delta, shard, lanes }: Wires, down: number): void =>
    void program.call("subsamplingGradient", {
      delta,
      down,
      betaGradient: ofShard(betaGradient, shard),
      biasGradient: ofShard(biasGradient, shard),
      maps: output.channels,
      positions: output.height * output.width,
      lanes,
    });
}

export function planSubsampling(options: LayerOptions<SubsamplingLayer>): PlannedLayer {
  const { spec, input, output, activation, inputActivation, shifts } = options;
  const { channels: maps, height: rows, width: columns } = input;
  const trained = spec.trainable ? planTrained(options) : null;
  const moved = options.frozen ? null : trained;
  const { beta, bias } = trained ? { beta: trained.beta.address, bias: trained.bias.address } : planConstants(options);
  const tensors = trained ? [trained.beta, trained.bias] : [];
  const { height: blockRows, width: blockColumns } = blockOf(spec, input);
  const geometry = { maps, rows, columns, blockRows, blockColumns, reduce: reduceCodes[spec.reduce] };
  const isMaximum = spec.reduce === "max";
  const keepsDown = moved !== null || isMaximum;
  /** d, and of a maximum which pixel it was; absent in evaluation. */
  const keptIn = ({ own }: Wires) => ({ down: keepsDown ? own[0] : 0, winners: isMaximum ? own[1] : 0 });
  const gradient = moved && recordGradient(options, moved);
  const up = (program: Program, wires: Wires, gate: number): void => {
    const { delta, input: x, inputDelta, lanes } = wires;
    if (!inputDelta) return;
    const from = { delta, beta, input: isMaximum ? 0 : x, ...keptIn(wires), output: inputDelta };
    program.call("subsamplingBackward", { ...from, ...geometry, gate, lanes });
  };

  return {
    kind: "subsampling",
    input,
    output,
    activation,
    tensors,
    // A linear subsampling passes on what only shifts its input.
    shifts: activation === "linear" ? [...shifts, ...tensors.slice(1)] : [],
    shardGradients: trained ? [trained.betaGradient, trained.biasGradient] : [],
    buffers: [],
    keeps: [keepsDown, isMaximum].filter(Boolean).map(() => sizeOf(output)),
    forgetsInput: isMaximum,
    curvatureBuffers: moved ? [sizeOf(output)] : [],
    initialise(views: Views): void {
      if (!trained) return;
      views.reals(trained.beta.address, maps).fill(1);
      views.reals(trained.bias.address, maps).fill(0);
    },
    constants(views: Views): void {
      if (!trained) views.reals(beta, maps).fill(1);
    },
    forward(program: Program, wires: Wires): void {
      const { input: x, output: y, lanes } = wires;
      const to = { input: x, beta, bias, output: y, ...keptIn(wires) };
      program.call("subsamplingForward", { ...to, ...geometry, activation: activationCodes[activation], lanes });
    },
    backward(program: Program, wires: Wires): void {
      gradient?.(program, wires, keptIn(wires).down);
      up(program, wires, activationCodes[inputActivation]);
    },
    curvature(program: Program, wires: Wires): void {
      if (gradient) {
        const squared = wires.own.at(-1)!;
        program.call("square", { input: keptIn(wires).down, output: squared, count: sizeOf(output) * wires.lanes });
        gradient(program, wires, squared);
      }
      up(program, wires, activationCodes[inputActivation] + gateSquared);
    },
  };
}
