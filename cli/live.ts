/** A training as it happens: drawn over itself in a terminal, a line an epoch elsewhere. */
import { stopWords, type Event, type Progress } from "../client/index.ts";
import { drawCurves, type Curve } from "./chart.ts";
import { duration, percent, type Output } from "./output.ts";

type Point = [number, number];
const chartLines = 5;
const betweenFramesMs = 100;

const loss = (value: number): string => value.toPrecision(3);

/** How far, how fast, how long still. */
export function progressLine(progress: Progress, columns: number): string {
  const { fraction, epoch, epochs, samplesPerSecond, remainingSeconds } = progress;
  const words = [
    `${Math.floor(fraction * 100)} %`.padStart(5),
    `epoch ${Math.min(epoch, epochs)}/${epochs}`,
    ...(samplesPerSecond === null ? [] : [`${Math.round(samplesPerSecond).toLocaleString("en")} samples/s`]),
    ...(remainingSeconds === null ? [] : [`${duration(remainingSeconds)} left`]),
  ].join("  ");
  const width = Math.max(5, Math.min(30, columns - words.length - 3));
  const filled = Math.round(fraction * width);
  return `${"█".repeat(filled)}${"░".repeat(width - filled)} ${words}`;
}

/** One epoch in a line. */
function epochLine({ data }: Event & { type: "epoch" }, epochs: number | null): string {
  const parts = [`epoch ${data.epoch}${epochs === null ? "" : `/${epochs}`}`];
  if (data.loss !== null) parts.push(`loss ${loss(data.loss)}`);
  if (data.accuracy !== null) parts.push(`accuracy ${percent(data.accuracy)}`);
  if (data.validationAccuracy !== null) parts.push(`${data.split ?? "validation"} ${percent(data.validationAccuracy)}`);
  return parts.join("  ");
}

/** What became of a job, and why. */
export function statusLine({ data: { status, reason } }: Event & { type: "status" }): string {
  const words: Readonly<Record<string, string>> = status === "succeeded" ? stopWords : {};
  return reason === null ? status : `${status}: ${words[reason] ?? reason}`;
}

export interface View {
  take: (event: Event) => void;
  /** Leaves the last picture standing. */
  end: () => void;
}

function plainView(out: Output): View {
  let epochs: number | null = null;
  let told: string | null = null;
  const tell = (line: string): void => {
    if (line !== told) out.note(line);
    told = line;
  };
  return {
    take: (event) => {
      if (event.type === "progress") epochs = event.data.epochs;
      if (event.type === "status") tell(statusLine(event));
      if (event.type === "epoch") tell(epochLine(event, epochs));
      if (event.type === "warning") tell(`warning: ${event.data.detail}`);
    },
    end: () => undefined,
  };
}

/** The curves of a job, gathered from its events. */
class Curves {
  readonly #loss: Point[] = [];
  readonly #training: Point[] = [];
  readonly #judged: Point[] = [];
  #split = "validation";

  take(event: Event, fraction: number, epochs: number): void {
    if (event.type === "progress") {
      if (event.data.loss !== null) this.#loss.push([fraction, event.data.loss]);
      if (event.data.accuracy !== null) this.#training.push([fraction, event.data.accuracy]);
    } else if (event.type === "epoch" && event.data.validationAccuracy !== null) {
      this.#split = event.data.split ?? "validation";
      this.#judged.push([event.data.epoch / epochs, event.data.validationAccuracy]);
    }
  }

  /** Two charts beside each other, each with its newest value above and its bounds at the side. */
  draw(columns: number): string[] {
    const width = Math.floor((columns - 2) / 2) - 8;
    if (width < 10 || this.#loss.length === 0) return [];
    const accuracies = [...this.#training, ...this.#judged];
    const left = chart([{ points: this.#loss }], this.#loss, { width, label: loss });
    const right = chart([{ points: this.#training }, { points: this.#judged }], accuracies, {
      width,
      label: (value) => `${Math.round(value * 100)} %`,
      most: 1,
    });
    const newest = (points: Point[]): number | undefined => points.at(-1)?.[1];
    const judged = newest(this.#judged);
    const titles = [
      `loss ${loss(newest(this.#loss) ?? 0)}`,
      `accuracy ${percent(newest(this.#training))}${judged === undefined ? "" : `, ${this.#split} ${percent(judged)}`}`,
    ];
    const half = width + 8;
    return [
      `${titles[0].padEnd(half)}  ${titles[1]}`,
      ...left.map((line, at) => `${line.padEnd(half)}  ${right[at] ?? ""}`),
    ];
  }
}

function chart(
  curves: readonly Curve[],
  points: readonly Point[],
  { width, label, most }: { width: number; label: (value: number) => string; most?: number },
): string[] {
  const values = points.map(([, y]) => y);
  const high = most ?? Math.max(...values);
  const low = Math.min(...values, high);
  const lines = drawCurves(curves, { width, height: chartLines, low, high });
  return lines.map((line, at) => {
    const bound = at === 0 ? label(high) : at === lines.length - 1 ? label(low) : "";
    return `${bound.padStart(6)} ${line}`;
  });
}

function drawnView(out: Output): View {
  const curves = new Curves();
  let progress: Progress | null = null;
  let status = "queued";
  let lines = 0;
  let drawnAt = 0;
  const paint = (): void => {
    const columns = Math.min(100, out.columns);
    const frame = progress === null ? [status] : [...curves.draw(columns), progressLine(progress, columns)];
    if (progress !== null && !["running", "succeeded"].includes(status)) frame.push(status);
    const up = lines === 0 ? "" : `\u001B[${lines}F`;
    out.draw(`${up}\u001B[J${frame.map((line) => `${line.slice(0, out.columns)}\n`).join("")}`);
    lines = frame.length;
    drawnAt = performance.now();
  };
  return {
    take: (event) => {
      if (event.type === "progress") progress = event.data;
      if (event.type === "status") status = event.data.status;
      if (event.type === "warning") {
        out.draw(`${lines === 0 ? "" : `\u001B[${lines}F\u001B[J`}warning: ${event.data.detail}\n`);
        lines = 0;
      }
      curves.take(event, progress?.fraction ?? 0, progress?.epochs ?? 1);
      if (performance.now() - drawnAt > betweenFramesMs || event.type === "status") paint();
    },
    end: paint,
  };
}

export const viewFor = (out: Output): View => (out.live ? drawnView(out) : plainView(out));
