/** The table of a serving run: Markdown for people; the turns themselves go into the JSON. */
import { median } from "../report.ts";
import type { Measured } from "./generator.ts";
import type { Mark } from "./loads.ts";
import { probeIntervalMs, type Telemetry } from "./telemetry.ts";

/** What was measured from outside, and what the process said of itself over the turn. */
export interface Turn extends Measured, Telemetry {}

export interface RowResult {
  name: string;
  connections: number;
  mark: Mark | null;
  service: Turn[];
  peer: Turn[];
}

export interface TrainingResult {
  /** Predictions a second beside it. */
  rate: number;
  /** Samples a second, turn by turn. */
  alone: number[];
  beside: number[];
}

export interface ServingResults {
  at: string;
  environment: Record<string, string>;
  settings: { turns: number; seconds: number; processes: string; threads: string };
  rows: RowResult[];
  training: TrainingResult | null;
  moments: Moment[];
}

/** What the api says of itself while it is asked for minutes. */
export interface Moment extends Pick<Telemetry, "residentMiB" | "eventLoopP99Ms"> {
  /** Since the beginning. */
  seconds: number;
}

type Figure = "rate" | "p50" | "p99";
const of = (turns: readonly Turn[], figure: Figure): number => median(turns.map((turn) => turn[figure]));
const ratio = ({ service, peer }: RowResult, figure: Figure): number => of(service, figure) / of(peer, figure);

const milliseconds = (value: number): string => (value < 10 ? value.toFixed(2) : value.toFixed(0));
const requests = (value: number): string => Math.round(value).toLocaleString("en");
const times = ({ p50, p99 }: Record<"p50" | "p99", number>): string => `${milliseconds(p50)}, ${milliseconds(p99)}`;

function cell(turns: readonly Turn[]): string {
  if (turns.length === 0) return "–";
  const failed = turns
    .flatMap(({ statuses }) => Object.entries(statuses))
    .filter(([status]) => !status.startsWith("2"));
  const others = failed.map(([status, count]) => `${count}×${status}`).join(" ");
  const shown = `${requests(of(turns, "rate"))} (${times({ p50: of(turns, "p50"), p99: of(turns, "p99") })})`;
  return others === "" ? shown : `${shown} ${others}`;
}

function verdict(row: RowResult): string {
  if (!row.mark) return "";
  const { of: figure, ratio: wanted, p99 } = row.mark;
  const found = ratio(row, figure);
  const kept = figure === "rate" ? found >= wanted : found <= wanted;
  const asked = figure === "rate" ? `rate ≥ ${wanted}` : `p50 ≤ ${wanted}`;
  const late = p99 === true && ratio(row, "p99") > 1;
  return `${asked}${p99 ? ", p99 ≤ 1" : ""}: ${kept && !late ? "met" : kept ? "p99 is worse" : "short"}`;
}

const ratios = (row: RowResult): string =>
  row.peer.length === 0 ? "–" : (["rate", "p50", "p99"] as const).map((each) => ratio(row, each).toFixed(2)).join(", ");

/** Processor time of the process itself: a busy machine does not change it much. Redis is not in it. */
const microseconds = (turns: readonly Turn[]): string =>
  turns.length === 0
    ? "–"
    : median(turns.map(({ cpuSeconds, answers }) => (1e6 * cpuSeconds) / Math.max(1, answers))).toFixed(0);

/** The probe is a timer: its own interval is in what it says, and is taken off in brackets. */
const loopWords = (p99: number): string => `${p99.toFixed(0)} (${Math.max(0, p99 - probeIntervalMs).toFixed(0)}) ms`;

function telemetryOf({ service }: RowResult): string {
  const loop = median(service.map(({ eventLoopP99Ms }) => eventLoopP99Ms));
  return `${loopWords(loop)}, ${Math.max(...service.map(({ residentMiB }) => residentMiB)).toFixed(0)} MiB`;
}

export const titleOf = ({ name, connections }: Pick<RowResult, "name" | "connections">): string =>
  `${name}, ${connections} ${connections === 1 ? "connection" : "connections"}`;

export const sentence = (row: RowResult): string =>
  `${titleOf(row)}: ${cell(row.service)} · peer ${cell(row.peer)} · ${ratios(row)} ${verdict(row)}`;

export const momentSentence = ({ seconds, residentMiB, eventLoopP99Ms }: Moment): string =>
  `${seconds} s: ${residentMiB.toFixed(0)} MiB, event loop p99 ${loopWords(eventLoopP99Ms)}`;

function momentLines(moments: readonly Moment[]): string[] {
  const last = moments.at(-1);
  if (!last) return [];
  const third = Math.max(1, Math.floor(moments.length / 3));
  const memory = (some: readonly Moment[]): string =>
    `${median(some.map(({ residentMiB }) => residentMiB)).toFixed(0)} MiB`;
  const loops = moments.map(({ eventLoopP99Ms }) => eventLoopP99Ms);
  const most = Math.max(...moments.map(({ residentMiB }) => residentMiB));
  return [
    "",
    `The api over ${(last.seconds / 60).toFixed(1)} minutes of the first row: ${memory(moments.slice(0, third))} in the first third, ${memory(moments.slice(-third))} in the last, at most ${most.toFixed(0)} MiB (wanted 250). Event loop p99 of five seconds: median ${loopWords(median(loops))}, at most ${loopWords(Math.max(...loops))} (wanted 15).`,
  ];
}

function trainingLines(training: TrainingResult | null): string[] {
  if (!training) return [];
  const [alone, beside] = [median(training.alone), median(training.beside)];
  return [
    "",
    `A training beside ${training.rate} predictions a second: ${requests(beside)} samples/s, alone ${requests(alone)}: ${(beside / alone).toFixed(2)} of it (wanted 0.9).`,
  ];
}

export function markdown({ at, environment, settings, rows, training, moments }: ServingResults): string {
  const { turns, seconds, processes, threads } = settings;
  const lines = [
    `# Serving, measured ${at}`,
    "",
    ...Object.entries(environment).map(([name, value]) => `- ${name}: ${value}`),
    `- ${turns} turns of ${seconds} s a row and side, in turn; API_PROCESSES ${processes}, PREDICTION_THREADS ${threads}`,
    "- peer: Fastify 5 with onnxruntime-node, one thread, on our own ONNX export; pictures by sharp",
    "",
    "Requests a second (p50, p99 in ms), medians of the turns; ratios of rate, p50 and p99 to the peer's. The event",
    `loop's p99 has the probe's own interval of ${probeIntervalMs} ms in it; in brackets without. CPU: the process's own time`,
    "for an answer, all threads.",
    "",
  ];
  if (rows.length > 0) {
    const head = ["", "service", "peer", "ratios", "mark", "CPU µs: service, peer", "event loop p99, memory"];
    lines.push(`| ${head.join(" | ")} |`, "|---|--:|--:|--:|---|--:|--:|");
    for (const row of rows)
      lines.push(
        `| ${[titleOf(row), cell(row.service), cell(row.peer), ratios(row), verdict(row), `${microseconds(row.service)}, ${microseconds(row.peer)}`, telemetryOf(row)].join(" | ")} |`,
      );
  }
  return `${[...lines, ...trainingLines(training), ...momentLines(moments)].join("\n")}\n`;
}
