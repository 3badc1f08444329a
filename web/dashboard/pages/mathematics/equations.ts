/** The equations of the notes, for each kind of layer: forward, backward, and the gradients of its parameters. */
import type { ComponentChild } from "preact";
import { isLearned } from "../../../../schemas/connections.ts";
import type { Layer } from "../../../../schemas/layer.ts";
import { both, fraction, root, row, sub, sup, text, under, word } from "./formula.tsx";

export interface Equation {
  /** Where it stands. */
  cite: string;
  formula: ComponentChild;
  /** In words, for those who hear it. */
  spoken: string;
  symbols: readonly (readonly [symbol: string, meaning: string])[];
}

const below = row("ℓ", "−", "1");
const above = row("ℓ", "+", "1");
const x = (map: string, layer: ComponentChild = "ℓ"): ComponentChild => both("x", map, layer);
const delta = (map: string, layer: ComponentChild = "ℓ"): ComponentChild => both("δ", map, layer);
const slopes = (map: string): ComponentChild => row(sup("f", "′"), "(", both("u", map, "ℓ"), ")");
const vectorSlopes = row(sup("f", "′"), "(", sup("u", "ℓ"), ")");

const forward: Record<Layer["kind"] | "learned" | "input", Equation> = {
  input: {
    cite: "§2",
    formula: row(both("x", "c", "0"), "=", fraction(row(sub("s", "c"), "−", sub("m", "c")), sub("d", "c"))),
    spoken: "x of the input is the sample less the mean of its channel, over the deviation",
    symbols: [
      ["s", "the sample as it was sent, channel c"],
      ["m, d", "mean and standard deviation of the channel over the training split"],
    ],
  },
  convolution: {
    cite: "§3.1",
    formula: row(
      x("j"),
      "=",
      "f",
      "(",
      under("∑", row("i", "∈", sub("M", "j"))),
      x("i", below),
      "∗",
      sub("k", row("i", "j")),
      "+",
      sub("b", "j"),
      ")",
    ),
    spoken: "x j is f of the sum over the input maps i of x i convolved with k i j, plus b j",
    symbols: [
      ["x", "maps; j of this layer, i of the layer below"],
      ["M", "the input maps that map j reads"],
      ["k", "the filter from input map i to map j"],
      ["b", "the bias of map j"],
      ["f", "the activation"],
    ],
  },
  learned: {
    cite: "§3.3",
    formula: row(
      x("j"),
      "=",
      "f",
      "(",
      under("∑", "i"),
      sub("α", row("i", "j")),
      "(",
      x("i", below),
      "∗",
      sub("k", row("i", "j")),
      ")",
      "+",
      sub("b", "j"),
      ")",
    ),
    spoken: "x j is f of the sum over i of alpha i j times x i convolved with k i j, plus b j",
    symbols: [
      ["α", "the share of input map i in map j: positive, one in all for each j, learned"],
      ["x", "maps; j of this layer, i of the layer below"],
      ["k, b", "filter and bias"],
      ["f", "the activation"],
    ],
  },
  subsampling: {
    cite: "§3.2",
    formula: row(x("j"), "=", "f", "(", sub("β", "j"), word("down"), "(", x("j", below), ")", "+", sub("b", "j"), ")"),
    spoken: "x j is f of beta j times down of x j of the layer below, plus b j",
    symbols: [
      ["down", "a block of pixels becomes one: their sum, mean or maximum"],
      ["β, b", "the factor and the bias of map j"],
      ["f", "the activation"],
    ],
  },
  dense: {
    cite: "§2",
    formula: row(sup("x", "ℓ"), "=", "f", "(", sup("W", "ℓ"), sup("x", below), "+", sup("b", "ℓ"), ")"),
    spoken: "x is f of W times x of the layer below, plus b",
    symbols: [
      ["W", "weights, a row for each unit"],
      ["x", "the layer below as one vector: map by map, row by row"],
      ["b", "biases"],
      ["f", "the activation"],
    ],
  },
  "batch-normalisation": {
    cite: "Ioffe & Szegedy 2015",
    formula: row(
      x("j"),
      "=",
      "f",
      "(",
      sub("γ", "j"),
      fraction(row(x("j", below), "−", sub("μ", "j")), root(row(both("σ", "j", "2"), "+", "ε"))),
      "+",
      sub("b", "j"),
      ")",
    ),
    spoken: "x j is f of gamma j times x j less its mean over its deviation, plus b j",
    symbols: [
      ["μ, σ²", "running mean and variance of the map, as training left them"],
      ["γ, b", "factor and bias of the map"],
      ["ε", "a small number"],
    ],
  },
  dropout: {
    cite: "Srivastava et al. 2014",
    formula: row(sup("x", "ℓ"), "=", sup("x", below)),
    spoken: "x is x of the layer below: a model that answers silences nothing",
    symbols: [["x", "as it came: a model that answers silences no unit"]],
  },
  residual: {
    cite: "He et al. 2016",
    formula: row(sup("x", "ℓ"), "=", "f", "(", sup("x", below), "+", "F", "(", sup("x", below), ")", ")"),
    spoken: "x is f of x of the layer below plus F of x of the layer below",
    symbols: [
      ["F", "the block's own layers"],
      ["x", "goes past them: as it is, or through a 1×1 convolution where F changes the shape"],
    ],
  },
};

/** What comes down from the layer above, by its kind. */
const fromAbove: Record<Layer["kind"], Equation> = {
  convolution: {
    cite: "§3.2",
    formula: row(
      delta("i"),
      "=",
      slopes("i"),
      "∘",
      under("∑", "j"),
      word("conv2"),
      "(",
      delta("j", above),
      ",",
      word("rot180"),
      "(",
      sub("k", row("i", "j")),
      ")",
      ",",
      text("'full'"),
      ")",
    ),
    spoken:
      "delta i is f prime of u i times the sum over j of the full convolution of delta j with k i j turned by 180 degrees",
    symbols: [
      ["δ", "∂E/∂u: how the error changes with what goes into the activation"],
      [
        "rot180(k)",
        "the filter turned: each δ above goes back to the pixels that the filter read, by the weight it read them with",
      ],
      ["f′", "the slope of the activation; 1 for a linear one"],
    ],
  },
  subsampling: {
    cite: "§3.1",
    formula: row(
      delta("j"),
      "=",
      both("β", "j", above),
      "(",
      slopes("j"),
      "∘",
      word("up"),
      "(",
      delta("j", above),
      ")",
      ")",
    ),
    spoken: "delta j is beta j times f prime of u j times up of delta j of the layer above",
    symbols: [
      [
        "up",
        "each δ becomes a block: for a sum the same everywhere, for a mean 1/n² of it, for a maximum all of it at the largest pixel",
      ],
      ["β", "the factor of the subsampling layer above"],
      ["f′", "the slope of the activation; 1 for a linear one"],
    ],
  },
  dense: {
    cite: "§2 (1)",
    formula: row(sup("δ", "ℓ"), "=", sup(row("(", sup("W", above), ")"), "T"), sup("δ", above), "∘", vectorSlopes),
    spoken: "delta is W transposed times delta of the layer above, times f prime of u",
    symbols: [
      ["Wᵀ", "the weights of the layer above, read the other way"],
      ["f′", "the slope of the activation; 1 for a linear one"],
    ],
  },
  "batch-normalisation": {
    cite: "Ioffe & Szegedy 2015",
    formula: row(
      delta("j"),
      "=",
      slopes("j"),
      "∘",
      fraction(sub("γ", "j"), root(row(both("σ", "j", "2"), "+", "ε"))),
      delta("j", above),
    ),
    spoken: "delta j is f prime of u j times gamma over the deviation times delta j of the layer above",
    symbols: [["σ²", "taken for a constant, as a model that answers takes it"]],
  },
  dropout: {
    cite: "Srivastava et al. 2014",
    formula: row(sup("δ", "ℓ"), "=", vectorSlopes, "∘", sup("δ", above)),
    spoken: "delta is f prime of u times delta of the layer above",
    symbols: [["δ", "goes through as it is: nothing was silenced"]],
  },
  residual: {
    cite: "He et al. 2016",
    formula: row(
      sup("δ", "ℓ"),
      "=",
      vectorSlopes,
      "∘",
      "(",
      sup("δ", above),
      "+",
      sup(row("(", fraction(row("∂", "F"), row("∂", "x")), ")"), "T"),
      sup("δ", above),
      ")",
    ),
    spoken: "delta is f prime of u times delta of the block plus what the block's layers pass down",
    symbols: [["F", "the layers of the block above; δ goes past them and through them"]],
  },
};

const fromLoss = (isCrossEntropy: boolean): Equation => ({
  cite: "§2",
  formula: isCrossEntropy
    ? row(sup("δ", "L"), "=", "y", "−", "t")
    : row(sup("δ", "L"), "=", sup("f", "′"), "(", sup("u", "L"), ")", "∘", "(", "y", "−", "t", ")"),
  spoken: isCrossEntropy ? "delta of the output is y minus t" : "delta of the output is f prime of u times y minus t",
  symbols: [
    ["y", "what the network answers"],
    ["t", "what it should have answered: the target of the class"],
  ],
});

const gradients: Partial<Record<Layer["kind"], Equation>> = {
  convolution: {
    cite: "§3.1",
    formula: row(
      fraction(row("∂", "E"), row("∂", sub("k", row("i", "j")))),
      "=",
      word("rot180"),
      "(",
      word("conv2"),
      "(",
      x("i", below),
      ",",
      word("rot180"),
      "(",
      delta("j"),
      ")",
      ",",
      text("'valid'"),
      ")",
      ")",
    ),
    spoken: "the gradient of k i j is rot 180 of the valid convolution of x i with delta j turned by 180 degrees",
    symbols: [["∂E/∂k", "each tap: δ at every place times the pixel that the tap lay on, added up"]],
  },
  subsampling: {
    cite: "§3.2",
    formula: row(
      fraction(row("∂", "E"), row("∂", sub("β", "j"))),
      "=",
      under("∑", row("u", "v")),
      sub(row("(", delta("j"), "∘", sub("d", "j"), ")"), row("u", "v")),
    ),
    spoken: "the gradient of beta j is the sum over the map of delta j times d j",
    symbols: [["d", "down(x), kept from the forward pass"]],
  },
  dense: {
    cite: "§2 (2)",
    formula: row(fraction(row("∂", "E"), row("∂", "W")), "=", sup("δ", "ℓ"), sup(row("(", sup("x", below), ")"), "T")),
    spoken: "the gradient of W is delta times x of the layer below, transposed",
    symbols: [["δ xᵀ", "each weight: the δ it leads to times the x it comes from"]],
  },
};

export const isCombination = (layer: Layer): boolean => layer.kind === "convolution" && isLearned(layer.inputs);

export const forwardOf = (layer: Layer | undefined): Equation =>
  layer === undefined ? forward.input : isCombination(layer) ? forward.learned : forward[layer.kind];

/** How a layer gets its δ: from the layer above it, or from the loss where there is none. */
export const backwardOf = (next: Layer | undefined, { isCrossEntropy }: { isCrossEntropy: boolean }): Equation =>
  next === undefined ? fromLoss(isCrossEntropy) : fromAbove[next.kind];

export const gradientOf = (layer: Layer | undefined): Equation | undefined =>
  layer === undefined ? undefined : gradients[layer.kind];
