/** An equation of the notes, and the letters that several of them share. */
import type { ComponentChild } from "preact";
import { both, row, sup } from "./formula.tsx";

export interface Equation {
  /** Where it stands. */
  cite: string;
  formula: ComponentChild;
  /** In words, for those who hear it. */
  spoken: string;
  symbols: readonly (readonly [symbol: string, meaning: string])[];
}

export const below = row("ℓ", "−", "1");
export const above = row("ℓ", "+", "1");
export const x = (map: string, layer: ComponentChild = "ℓ"): ComponentChild => both("x", map, layer);
export const delta = (map: string, layer: ComponentChild = "ℓ"): ComponentChild => both("δ", map, layer);
export const slopes = (map: string): ComponentChild => row(sup("f", "′"), "(", both("u", map, "ℓ"), ")");
export const vectorSlopes = row(sup("f", "′"), "(", sup("u", "ℓ"), ")");
