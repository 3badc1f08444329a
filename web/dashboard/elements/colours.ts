/** Colours that mean numbers, classes and curves: the same in every picture, told apart by the colour-blind. */

type Colour = readonly [red: number, green: number, blue: number];

/** Nine samples of viridis (Smith and van der Walt 2015): even steps look even, and it survives a grey printer. */
const viridis: readonly Colour[] = [
  [68, 1, 84],
  [72, 40, 120],
  [62, 74, 137],
  [49, 104, 142],
  [38, 130, 142],
  [31, 158, 137],
  [53, 183, 121],
  [144, 215, 67],
  [253, 231, 37],
];

/** Blue below zero, white at it, red above (after Brewer's RdBu). */
const diverging: readonly Colour[] = [
  [33, 102, 172],
  [67, 147, 195],
  [146, 197, 222],
  [209, 229, 240],
  [247, 247, 247],
  [253, 219, 199],
  [244, 165, 130],
  [214, 96, 77],
  [178, 24, 43],
];

function between(stops: readonly Colour[], share: number): Colour {
  const at = Math.min(1, Math.max(0, share)) * (stops.length - 1);
  const low = Math.min(stops.length - 2, Math.floor(at));
  const mix = (from: number, to: number): number => Math.round(from + (to - from) * (at - low));
  const [from, to] = [stops[low], stops[low + 1]];
  return [mix(from[0], to[0]), mix(from[1], to[1]), mix(from[2], to[2])];
}

/** Of a share from 0 to 1. */
export const evenColour = (share: number): Colour => between(viridis, share);
/** Of a share from −1 to 1. */
export const signedColour = (share: number): Colour => between(diverging, (share + 1) / 2);

const hues = 8;
/** A colour of the sheet, for the number-th class or curve. */
export const hue = (number: number): string => `var(--hue-${number % hues})`;

/** What a custom property is at this moment: canvases need the colour itself. */
export const resolved = (property: string): string =>
  getComputedStyle(document.documentElement).getPropertyValue(property).trim();

/** Calls when light becomes dark or the other way. */
export function onTheme(call: () => void): () => void {
  const query = matchMedia("(prefers-color-scheme: dark)");
  query.addEventListener("change", call);
  return () => query.removeEventListener("change", call);
}
