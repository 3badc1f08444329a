/** The table of what was measured: Markdown for people; everything goes into the JSON. */

export interface Measured {
  name: string;
  /** What the figure is of, in words. */
  of: string;
  value: number;
  unit: string;
  /** The value should be below it, or, where `isLeast`, at least that. */
  mark: number | null;
  isLeast?: boolean;
}

export interface DashboardResults {
  at: string;
  environment: Record<string, string>;
  browser: string;
  /** Of the machine, before and after. */
  load: [before: number, after: number];
  measured: Measured[];
}

export const keeps = ({ value, mark, isLeast = false }: Measured): boolean =>
  mark === null || (isLeast ? value >= mark : value < mark);

const digits = (value: number): string => (Math.abs(value) < 10 ? value.toFixed(2) : value.toFixed(0));

export const sentence = (each: Measured): string =>
  `${each.name}, ${each.of}: ${digits(each.value)} ${each.unit}` +
  (each.mark === null ? "" : ` (mark ${each.isLeast ? "≥" : "<"} ${each.mark}${keeps(each) ? "" : ": missed"})`);

export function markdown({ at, environment, browser, load, measured }: DashboardResults): string {
  const rows = measured.map((each) => [
    each.name,
    each.of,
    `${digits(each.value)} ${each.unit}`,
    each.mark === null ? "" : `${each.isLeast ? "≥" : "<"} ${each.mark} ${each.unit}`,
    each.mark === null ? "" : keeps(each) ? "kept" : "**missed**",
  ]);
  return [
    "# The dashboard, measured",
    "",
    `${at.slice(0, 16).replace("T", " ")}, ${browser} without a window and without a graphics processor, on ${environment["processor"] ?? "?"}.`,
    `Load of the machine ${load[0].toFixed(1)} before and ${load[1].toFixed(1)} after. Task durations are the thread's own`,
    "time: what other programs took from it does not count.",
    "",
    "| what | measured | figure | mark | |",
    "| --- | --- | --- | --- | --- |",
    ...rows.map((row) => `| ${row.join(" | ")} |`),
    "",
  ].join("\n");
}
