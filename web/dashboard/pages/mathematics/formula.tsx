/** Formulas as MathML, which browsers set themselves. */
import { h, type ComponentChild, type JSX } from "preact";

export type Part = ComponentChild;

/** A string is a number, a letter with its name, or a sign. */
function atom(part: Part): ComponentChild {
  if (typeof part !== "string") return part;
  if (/^[\d.]+$/.test(part)) return h("mn", null, part);
  return /^[\p{L}′]+$/u.test(part) ? h("mi", null, part) : h("mo", null, part);
}

const made = (tag: string, parts: readonly Part[]): ComponentChild => h(tag, null, ...parts.map(atom));

export const row = (...parts: Part[]): ComponentChild => made("mrow", parts);
export const sub = (base: Part, below: Part): ComponentChild => made("msub", [base, below]);
export const sup = (base: Part, above: Part): ComponentChild => made("msup", [base, above]);
export const both = (base: Part, below: Part, above: Part): ComponentChild => made("msubsup", [base, below, above]);
export const under = (base: Part, below: Part): ComponentChild => made("munder", [base, below]);
export const fraction = (over: Part, below: Part): ComponentChild => made("mfrac", [over, below]);
export const root = (of: Part): ComponentChild => made("msqrt", [of]);
/** A name of several letters: upright. */
export const word = (name: string): ComponentChild => <mi mathvariant="normal">{name}</mi>;
/** Words within a formula. */
export const text = (of: string): ComponentChild => <mtext>{of}</mtext>;

/** `spoken` is what a screen reader that knows no MathML says. */
export const Formula = ({ of, spoken }: { of: ComponentChild; spoken: string }): JSX.Element =>
  h("math", { display: "block", class: "formula", "aria-label": spoken }, of);
