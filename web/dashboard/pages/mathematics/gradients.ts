/** How E changes with what a layer has learned, by its kind. */
import type { Layer } from "../../../../schemas/layer.ts";
import { fraction, row, sub, sup, text, under, word } from "./formula.tsx";
import { below, delta, x, type Equation } from "./letters.ts";

export const gradients: Partial<Record<Layer["kind"], Equation>> = {
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
