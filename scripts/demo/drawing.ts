/** Bars, tables and digits for a terminal. */
import type { Progress } from "../../schemas/progress.ts";
import type { Evaluation } from "../../schemas/prediction.ts";

const barWidth = 28;
const percent = (value: number, digits = 1): string => `${(value * 100).toFixed(digits)} %`;

function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}

/** One line: how far, how good, how fast, how long still. */
export function progressLine(progress: Progress): string {
  const filled = Math.round(progress.fraction * barWidth);
  const parts = [
    `${"█".repeat(filled)}${"░".repeat(barWidth - filled)} ${percent(progress.fraction, 0).padStart(5)}`,
    `epoch ${Math.min(progress.epoch, progress.epochs)}/${progress.epochs}`,
  ];
  if (progress.loss !== null) parts.push(`loss ${progress.loss.toFixed(4)}`);
  if (progress.validation) parts.push(`${progress.validation.split} ${percent(progress.validation.accuracy, 2)}`);
  if (progress.samplesPerSecond !== null)
    parts.push(`${Math.round(progress.samplesPerSecond).toLocaleString("en")} samples/s`);
  if (progress.remainingSeconds !== null) parts.push(`${duration(progress.remainingSeconds)} left`);
  return parts.join("  ");
}

/** Rows: what it is; columns: what the network said. */
export function confusionTable(evaluation: Evaluation): string {
  const width = Math.max(5, ...evaluation.confusion.flat().map((count) => String(count).length + 1));
  const header = ["is \\ says", ...evaluation.classes.map(({ name }) => name.padStart(width))].join("");
  const rows = evaluation.confusion.map(
    (row, index) =>
      (evaluation.classes[index]?.name ?? "").padEnd(9) +
      row.map((count) => (count === 0 ? "·" : String(count)).padStart(width)).join(""),
  );
  return [header, ...rows].join("\n");
}

const shades = " ░▒▓█";

/** Two rows of pixels become one line, as characters are twice as high as wide. */
export function drawDigit(pixels: readonly number[], width: number): string[] {
  const height = pixels.length / width;
  const lines: string[] = [];
  for (let row = 0; row + 1 < height; row += 2) {
    let line = "";
    for (let column = 0; column < width; column++) {
      const value = ((pixels[row * width + column] ?? 0) + (pixels[(row + 1) * width + column] ?? 0)) / 2;
      line += shades[Math.min(shades.length - 1, Math.floor((value / 256) * shades.length))];
    }
    lines.push(line);
  }
  return lines;
}

/** Drawings beside each other, each with a line below. */
export function beside(drawings: readonly { lines: readonly string[]; caption: string }[], width: number): string {
  const height = Math.max(...drawings.map(({ lines }) => lines.length));
  const rows = Array.from({ length: height }, (_, row) =>
    drawings.map(({ lines }) => (lines[row] ?? "").padEnd(width)).join("  "),
  );
  return [
    ...rows.filter((row) => row.trim() !== ""),
    drawings.map(({ caption }) => caption.padEnd(width)).join("  "),
  ].join("\n");
}
