/** Makes tables of what was measured: Markdown for people, JSON for programs. */
import { spawnSync } from "node:child_process";
import { arch, cpus, loadavg, release, totalmem, type } from "node:os";
import { describeCase, flopsPerSample, networks, type Case } from "./cases.ts";
import type { Peak } from "./peak.ts";
import type { RaceResult } from "./race.ts";

/** The rates of one contender on one case, in samples/s, or why there are none. */
export interface Cell {
  contender: string;
  rates: number[];
  median: number | null;
  /** Resident memory of its process after the case; null where it did nothing. */
  bytes: number | null;
  why: string | null;
}
export interface Row {
  case: Case;
  cells: Cell[];
}
export interface Results {
  at: string;
  environment: Record<string, string>;
  peak: Peak | null;
  contenders: { name: string; version: string; notes: string[] }[];
  missing: { name: string; why: string }[];
  rows: Row[];
  race: RaceResult[];
}

export const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
};

export function environment(): Record<string, string> {
  const said = (command: string, args: string[]): string =>
    spawnSync(command, args, { encoding: "utf8" }).stdout?.split("\n")[0]?.trim() || "none";
  return {
    processor: `${cpus()[0]?.model.trim() ?? "unknown"}, ${cpus().length} threads`,
    memory: `${Math.round(totalmem() / 2 ** 30)} GiB`,
    system: `${type()} ${release()} ${arch()}`,
    node: process.version,
    compiler: said("cc", ["--version"]),
    load: `${loadavg()[0].toFixed(1)} before the start${loadavg()[0] > 0.5 * cpus().length ? " – this machine is busy with something else; threads that wait for each other suffer most, so the figures for two threads mean little" : ""}`,
  };
}

const rate = (value: number | null): string =>
  value === null
    ? "–"
    : value >= 10_000
      ? `${(value / 1000).toFixed(1)}k`
      : value >= 100
        ? value.toFixed(0)
        : value.toFixed(1);

function table(head: readonly string[], body: readonly (readonly string[])[]): string {
  return [
    `| ${head.join(" | ")} |`,
    `|${head.map((_, index) => (index === 0 ? "---" : "--:")).join("|")}|`,
    ...body.map((cells) => `| ${cells.join(" | ")} |`),
  ].join("\n");
}

const cell = (row: Row, contender: string): Cell | undefined => row.cells.find((each) => each.contender === contender);

function rates(results: Results): string {
  const names = results.contenders.map(({ name }) => name);
  return table(
    ["samples/s", ...names],
    results.rows.map((row) => [describeCase(row.case), ...names.map((name) => rate(cell(row, name)?.median ?? null))]),
  );
}

function ratios(results: Results, peer: string, mode: Case["mode"]): string {
  const names = results.contenders.map(({ name }) => name).filter((name) => name !== peer);
  const rows = results.rows.filter((row) => row.case.mode === mode && cell(row, peer)?.median);
  return table(
    [`× ${peer}`, ...names],
    rows.map((row) => {
      const theirs = cell(row, peer)?.median ?? 0;
      return [
        describeCase(row.case),
        ...names.map((name) => ((value) => (value ? (value / theirs).toFixed(2) : "–"))(cell(row, name)?.median)),
      ];
    }),
  );
}

/** GFLOP/s, and the share of what the cores used could do at most. */
function arithmetic(results: Results): string {
  const { peak } = results;
  const names = results.contenders.map(({ name }) => name);
  return table(
    ["GFLOP/s (share of peak)", ...names],
    results.rows.map((row) => [
      describeCase(row.case),
      ...names.map((name) => {
        const value = cell(row, name)?.median;
        if (!value) return "–";
        const speed = (value * flopsPerSample(row.case)) / 1e9;
        const most = peak && (name === "native" || name === "assembly" ? peak.strict : peak.fused) * row.case.threads;
        return `${speed.toFixed(1)}${most ? ` (${((100 * speed) / most).toFixed(0)} %)` : ""}`;
      }),
    ]),
  );
}

/** Of the whole process, and so of what it did before too. */
function memory(results: Results): string {
  const names = results.contenders.map(({ name }) => name);
  return table(
    ["MiB resident", ...names],
    results.rows.map((row) => [
      describeCase(row.case),
      ...names.map((name) => ((bytes) => (bytes ? (bytes / 2 ** 20).toFixed(0) : "–"))(cell(row, name)?.bytes)),
    ]),
  );
}

function raceTable(results: Results): string {
  const mark = (result: RaceResult, accuracy: number): string => {
    const reached = result.epochs.find((epoch) => epoch.accuracy >= accuracy);
    return reached ? `${reached.seconds.toFixed(1)} s` : "–";
  };
  return table(
    ["MNIST, cold start, two threads", "to 98 %", "to 99 %", "at the end"],
    results.race.map((each) => [
      each.contender,
      mark(each, 0.98),
      mark(each, 0.99),
      `${((each.epochs.at(-1)?.accuracy ?? 0) * 100).toFixed(2)} % after ${each.epochs.at(-1)?.seconds.toFixed(1) ?? "–"} s`,
    ]),
  );
}

export function markdown(results: Results): string {
  const lines = [
    `# Measured ${results.at}`,
    "",
    ...Object.entries(results.environment).map(([name, value]) => `- ${name}: ${value}`),
    `- peak of one core: ${results.peak ? `${results.peak.strict} GFLOP/s multiply and add apart, ${results.peak.fused} fused` : "not measured (no C compiler)"}`,
    ...results.contenders.map(
      ({ name, version, notes }) => `- ${name} ${version}${notes.length > 0 ? `: ${notes.join("; ")}` : ""}`,
    ),
    ...results.missing.map(({ name, why }) => `- ${name} is missing: ${why}`),
    "",
    ...Object.entries(networks).map(([name, { title }]) => `- network ${name}: ${title}`),
  ];
  if (results.rows.length > 0) lines.push("", "Medians of rounds in which everybody took a turn.", "", rates(results));
  for (const [peer, mode] of [
    ["PyTorch", "training"],
    ["onnxruntime", "inference"],
  ] as const) {
    if (results.rows.some((row) => row.case.mode === mode && cell(row, peer)?.median))
      lines.push("", `## Ratios to ${peer}, ${mode}`, "", ratios(results, peer, mode));
  }
  if (results.rows.length > 0)
    lines.push("", "## Arithmetic", "", arithmetic(results), "", "## Memory", "", memory(results));
  if (results.race.length > 0) lines.push("", "## Time to an accuracy", "", raceTable(results));
  return `${lines.join("\n")}\n`;
}
