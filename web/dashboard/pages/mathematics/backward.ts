/** How δ of a layer comes down, by what reads it. */
import type { Layer } from "../../../../schemas/layer.ts";
import { both, fraction, root, row, sub, sup, text, under, word } from "./formula.tsx";
import { above, delta, slopes, vectorSlopes, type Equation } from "./letters.ts";

/** What comes down from the layer above, by its kind. */
export const fromAbove: Record<Layer["kind"], Equation> = {
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
    symbols: [
      ["F", "the layers of the block above: δ comes down through them, from the first of them"],
      ["δ", "of the sum that ends the block: it comes down past the layers as well, as it is"],
      ["f′", "the slope of the activation; 1 for a linear one"],
    ],
  },
};

/** δ of what goes into a block whose x is projected past the layers. */
export const fromProjected: Equation = {
  cite: "He et al. 2016",
  formula: row(
    delta("i"),
    "=",
    slopes("i"),
    "∘",
    "(",
    under("∑", "j"),
    sub("s", row("i", "j")),
    delta("j", above),
    "+",
    sub(row("(", sup(row("(", fraction(row("∂", "F"), row("∂", "x")), ")"), "T"), sup("δ", above), ")"), "i"),
    ")",
  ),
  spoken:
    "delta i is f prime of u i times the sum over j of s i j times delta j, plus what the block's layers pass down",
  symbols: [
    ["F", "the layers of the block above: δ comes down through them, from the first of them"],
    ["s", "the 1×1 convolution past the layers: δ of the sum comes down through it as well"],
    ["f′", "the slope of the activation; 1 for a linear one"],
  ],
};

/** δ of the last of a block's own layers: from the sum, which only adds. */
export const fromSum: Equation = {
  cite: "He et al. 2016",
  formula: row(sup("δ", "F"), "=", sup("f", "′"), "(", sup("u", "F"), ")", "∘", sup("δ", "+")),
  spoken: "delta of the last layer of F is f prime of u times delta of the sum",
  symbols: [
    ["δ⁺", "of the sum that ends the block: what it adds it leaves as it is, so ∂u/∂F = 1"],
    ["f′", "the slope of the layer's own activation; 1 for a linear one"],
  ],
};

export const fromLoss = (isCrossEntropy: boolean): Equation => ({
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
