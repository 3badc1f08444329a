/**
 * Dense layers (Bouvrie §2): u = W x + b, its sensitivity (1) and its gradient (2).
 * Vectors [unit][lane], weights [input][unit].
 */
import { activate, gateFactor } from "./activations.ts";
import type { ReferenceKernel, ReferenceMemory } from "./memory.ts";

/** x = f(W x + b). */
export const denseForward: ReferenceKernel<"denseForward"> = (memory, call) => {
  const { inputs, units, activation, lanes } = call;
  const input = memory.reals(call.input);
  const weights = memory.reals(call.weights);
  const bias = memory.reals(call.bias);
  const output = memory.reals(call.output);
  for (let unit = 0; unit < units; unit++)
    for (let lane = 0; lane < lanes; lane++) {
      let u = bias[unit];
      for (let i = 0; i < inputs; i++) u += input[i * lanes + lane] * weights[i * units + unit];
      output[unit * lanes + lane] = activate(activation, u);
    }
};

/** (1): δ = Wᵀδ ∘ f′(u) of the layer below. */
export const denseBackward: ReferenceKernel<"denseBackward"> = (memory, call) => {
  const { inputs, units, gate, lanes } = call;
  const delta = memory.reals(call.delta);
  const weights = memory.reals(call.weights);
  const input = memory.reals(call.input);
  const output = memory.reals(call.output);
  for (let i = 0; i < inputs; i++)
    for (let lane = 0; lane < lanes; lane++) {
      let sum = 0;
      for (let unit = 0; unit < units; unit++) sum += delta[unit * lanes + lane] * weights[i * units + unit];
      const place = i * lanes + lane;
      output[place] = sum * (gate === 0 ? 1 : gateFactor(gate, input[place]));
    }
};

/** (2): ∂E/∂W += δ xᵀ, ∂E/∂b += δ. */
export const denseGradient: ReferenceKernel<"denseGradient"> = (memory, call) => {
  const { inputs, units, lanes } = call;
  const input = memory.reals(call.input);
  const delta = memory.reals(call.delta);
  const gradient = memory.reals(call.gradient);
  for (let i = 0; i < inputs; i++)
    for (let unit = 0; unit < units; unit++) {
      let sum = gradient[i * units + unit];
      for (let lane = 0; lane < lanes; lane++) sum += input[i * lanes + lane] * delta[unit * lanes + lane];
      gradient[i * units + unit] = sum;
    }

  if (call.biasGradient === 0) return;
  const biasGradient = memory.reals(call.biasGradient);
  for (let unit = 0; unit < units; unit++) {
    let sum = biasGradient[unit];
    for (let lane = 0; lane < lanes; lane++) sum += delta[unit * lanes + lane];
    biasGradient[unit] = sum;
  }
};

/** Words that a table has for each block. */
const blockWords = 5;

/** What the table of blocks says of each of them. */
function blocksOf(memory: ReferenceMemory, address: number, count: number) {
  const table = memory.words(address);
  return Array.from({ length: count }, (_, block) => {
    const [input, output, delta, below, lanes] = table.subarray(block * blockWords, (block + 1) * blockWords);
    return { input, output, delta, below, lanes };
  });
}

/** x = f(W x + b), block by block. */
export const denseBlocksForward: ReferenceKernel<"denseBlocksForward"> = (memory, call) => {
  const { weights, bias, inputs, units, activation } = call;
  for (const { input, output, lanes } of blocksOf(memory, call.blocks, call.count))
    denseForward(memory, { input, weights, bias, output, inputs, units, activation, lanes });
};

/** (1), block by block. */
export const denseBlocksBackward: ReferenceKernel<"denseBlocksBackward"> = (memory, call) => {
  const { weights, inputs, units, gate } = call;
  for (const { delta, input, below, lanes } of blocksOf(memory, call.blocks, call.count))
    denseBackward(memory, { delta, weights, input, output: below, inputs, units, gate, lanes });
};

/** (2) over a whole batch, its mean: ∂E/∂W = scale · Σ δ xᵀ for the given rows. */
export const denseBlocksGradient: ReferenceKernel<"denseBlocksGradient"> = (memory, call) => {
  const { from, rows, units } = call;
  const blocks = blocksOf(memory, call.blocks, call.count).map(({ input, delta, lanes }) => ({
    input: memory.reals(input),
    delta: memory.reals(delta),
    lanes,
  }));
  const gradient = memory.reals(call.gradient);
  const scale = memory.reals(call.scale)[0];
  for (let row = 0; row < rows; row++)
    for (let unit = 0; unit < units; unit++) {
      let sum = 0;
      for (const { input, delta, lanes } of blocks)
        for (let lane = 0; lane < lanes; lane++) sum += input[(from + row) * lanes + lane] * delta[unit * lanes + lane];
      gradient[row * units + unit] = sum * scale;
    }
};
