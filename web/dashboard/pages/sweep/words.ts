/** A sweep's figures as people read them. */
import type { Sweep } from "../../../../client/index.ts";
import { figure, percent } from "../../format.ts";

type Metric = Sweep["request"]["objective"]["metric"];

export const measured = (metric: Metric, value: number | null): string =>
  metric === "accuracy" ? percent(value) : figure(value, 4);

/** Its dataset is still being made: until that is ready, what it shows of its trials is a guess. */
export const waitsForDataset = ({ dataset, terminal }: Pick<Sweep, "dataset" | "terminal">): boolean =>
  dataset.revision === null && !terminal;

/** Of all trials those that have ended. */
export const shareOf = ({ total, succeeded, stopped, failed }: Sweep["trials"]): number =>
  total === 0 ? 0 : (succeeded + stopped + failed) / total;

export function nameOfSearch({ kind }: Sweep["request"]["search"]): string {
  if (kind === "grid") return "every combination";
  if (kind === "random") return "drawn at random";
  return kind === "halving" ? "halving, rung by rung" : "halving as results come (asha)";
}

/** /optimiser/learningRate → optimiser learning rate */
export const nameOfPointer = (pointer: string): string =>
  pointer
    .split("/")
    .slice(1)
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"))
    .map((part) => part.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`))
    .join(" ");

const longest = 24;

/** A value of a setting, shortened where it is long. */
export function valueText(value: unknown): string {
  if (typeof value === "number") return figure(value);
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text.length > longest ? `${text.slice(0, longest - 1)}…` : text;
}
