/** Where a command writes: results to stdout, everything about the way there to stderr. */

export interface Output {
  /** Results as JSON, for scripts. */
  json: boolean;
  /** Whether somebody looks at stderr as it is written. */
  live: boolean;
  columns: number;
  /** A result, or a part of one. */
  say(text: string): void;
  /** A result as one JSON document. */
  show(value: unknown): void;
  /** What happens on the way. */
  note(text: string): void;
  /** Raw, for what is drawn over again. */
  draw(text: string): void;
}

const isTerminal = (stream: NodeJS.WriteStream): boolean => stream.isTTY && process.env["TERM"] !== "dumb";

export function createOutput({ json }: { json: boolean }): Output {
  const { stdout, stderr } = process;
  return {
    json,
    live: isTerminal(stderr),
    get columns() {
      return stderr.columns ?? 80;
    },
    say: (text) => void stdout.write(`${text}\n`),
    show: (value) => void stdout.write(`${JSON.stringify(value, null, isTerminal(stdout) ? 2 : undefined)}\n`),
    note: (text) => void stderr.write(`${text}\n`),
    draw: (text) => void stderr.write(text),
  };
}

const cut = (text: string, width: number): string => (text.length > width ? `${text.slice(0, width - 1)}…` : text);
const leastWidth = 8;
const gap = 2;

/** Columns beside each other, without lines between them. In a terminal the widest but the first give way. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => row[column].length)));
  const room = isTerminal(process.stdout) ? process.stdout.columns : Infinity;
  for (;;) {
    const over = widths.reduce((sum, width) => sum + width + gap, -gap) - room;
    const widest = Math.max(...widths.slice(1));
    if (over <= 0 || widest <= leastWidth) break;
    widths[widths.indexOf(widest, 1)] = Math.max(leastWidth, widest - over);
  }
  return all
    .map((row) =>
      row
        .map((cell, column) => cut(cell, widths[column]).padEnd(widths[column] + gap))
        .join("")
        .trimEnd(),
    )
    .join("\n");
}

export const percent = (share: number | null | undefined, digits = 1): string =>
  share === null || share === undefined ? "–" : `${(share * 100).toFixed(digits)} %`;

export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

export function size(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  const power = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3));
  return `${(bytes / 1000 ** power).toFixed(power === 0 ? 0 : 1)} ${units[power]}`;
}

export const moment = (iso: string): string => iso.slice(0, 16).replace("T", " ");
