/** Where the values of a sweep's settings stand on upright axes. Places go from 0, at the bottom, to 1. */
import type { Sweep, Trial } from "../../../../client/index.ts";
import { measured, nameOfPointer, valueText } from "./words.ts";

export interface Axis {
  key: string;
  name: string;
  ticks: readonly { at: number; text: string }[];
  /** null where the trial has no value there. */
  placeOf: (trial: Trial) => number | null;
}

type Dimension = Sweep["request"]["space"][string];

/** Values that are all the same stand in the middle. */
const share = (value: number, [from, to]: readonly [number, number]): number =>
  from === to ? 0.5 : Math.min(1, Math.max(0, (value - from) / (to - from)));

/** Of a drawn number: straight, or by factors. */
function rangeAxis(pointer: string, bounds: readonly [number, number], isLog: boolean): Axis {
  const scaled = isLog ? Math.log : (value: number): number => value;
  const ends = [scaled(bounds[0]), scaled(bounds[1])] as const;
  const middle = isLog ? Math.sqrt(bounds[0] * bounds[1]) : (bounds[0] + bounds[1]) / 2;
  return {
    key: pointer,
    name: nameOfPointer(pointer),
    ticks: [
      { at: 0, text: valueText(bounds[0]) },
      { at: 0.5, text: valueText(middle) },
      { at: 1, text: valueText(bounds[1]) },
    ],
    placeOf: ({ parameters }) => {
      const value = parameters[pointer];
      return typeof value === "number" ? share(scaled(value), ends) : null;
    },
  };
}

function choiceAxis(pointer: string, choices: readonly unknown[]): Axis {
  const texts = choices.map((value) => JSON.stringify(value));
  const placeOf = (at: number): number => (choices.length === 1 ? 0.5 : at / (choices.length - 1));
  return {
    key: pointer,
    name: nameOfPointer(pointer),
    ticks: choices.map((value, at) => ({ at: placeOf(at), text: valueText(value) })),
    placeOf: ({ parameters }) => {
      const at = texts.indexOf(JSON.stringify(parameters[pointer]));
      return at < 0 ? null : placeOf(at);
    },
  };
}

function axisOf(pointer: string, { log, uniform, integers, choices }: Dimension): Axis {
  if (choices) return choiceAxis(pointer, choices);
  return rangeAxis(pointer, log ?? uniform ?? integers ?? [0, 1], log !== undefined);
}

export type Metric = Sweep["request"]["objective"]["metric"];

/** How good values are among each other: 1 is the best of them. */
function goodness(trials: readonly Trial[], metric: Metric): (trial: Trial) => number | null {
  const values = trials.flatMap(({ value }) => (value === null ? [] : [value]));
  const ends = [Math.min(...values), Math.max(...values)] as const;
  return ({ value }) => {
    if (value === null) return null;
    const at = share(value, ends);
    return metric === "loss" ? 1 - at : at;
  };
}

/** Of equal values that of the higher rung is better, then the smaller number: as the sweep itself decides. */
export function worstFirst(trials: readonly Trial[], metric: Metric): Trial[] {
  const good = goodness(trials, metric);
  return [...trials].sort(
    (left, right) => (good(left) ?? -1) - (good(right) ?? -1) || left.rung - right.rung || right.trial - left.trial,
  );
}

/** By rank, so that many that are nearly as good are still told apart. */
export function strengthOf(ordered: readonly Trial[]): ReadonlyMap<number, number> {
  const measured = ordered.filter(({ value }) => value !== null);
  return new Map(measured.map(({ trial }, at) => [trial, (at + 1) / measured.length]));
}

function valueAxis(trials: readonly Trial[], metric: Metric): Axis {
  const values = trials.flatMap(({ value }) => (value === null ? [] : [value])).sort((left, right) => left - right);
  if (metric === "loss") values.reverse();
  const [worst, best] = [values[0], values.at(-1)];
  return {
    key: "value",
    name: metric,
    ticks:
      worst === undefined || best === undefined
        ? []
        : [
            { at: worst === best ? 0.5 : 0, text: measured(metric, worst) },
            ...(worst === best ? [] : [{ at: 1, text: measured(metric, best) }]),
          ],
    placeOf: goodness(trials, metric),
  };
}

/** An axis for each setting that is searched, and at last what came of it, the best on top. */
export const axesOf = (space: Sweep["request"]["space"], trials: readonly Trial[], metric: Metric): Axis[] => [
  ...Object.keys(space)
    .sort()
    .map((pointer) => axisOf(pointer, space[pointer] ?? {})),
  valueAxis(trials, metric),
];
