/** Curves in a terminal: every character is two dots wide and four high. */

export interface Curve {
  /** x from 0 to 1. */
  points: readonly (readonly [x: number, y: number])[];
}

/** The dots of a character by column and row (Unicode 2800). */
const dots = [
  [0x01, 0x02, 0x04, 0x40],
  [0x08, 0x10, 0x20, 0x80],
];

export interface Frame {
  width: number;
  height: number;
  low: number;
  high: number;
}

/** Lines of `width` characters, the highest values first. */
export function drawCurves(curves: readonly Curve[], { width, height, low, high }: Frame): string[] {
  const cells = Array.from({ length: height }, () => new Uint8Array(width));
  const span = high - low || 1;
  const column = (x: number): number => Math.round(Math.min(1, Math.max(0, x)) * (2 * width - 1));
  const row = (y: number): number => Math.round((1 - Math.min(1, Math.max(0, (y - low) / span))) * (4 * height - 1));
  const put = (x: number, y: number): void => {
    cells[y >> 2][x >> 1] |= dots[x & 1][y & 3];
  };
  for (const { points } of curves) {
    let before: [number, number] | null = null;
    for (const [x, y] of points) {
      const at: [number, number] = [column(x), row(y)];
      const [fromX, fromY] = before ?? at;
      const steps = Math.max(1, Math.abs(at[0] - fromX), Math.abs(at[1] - fromY));
      for (let step = 0; step <= steps; step++)
        put(Math.round(fromX + ((at[0] - fromX) * step) / steps), Math.round(fromY + ((at[1] - fromY) * step) / steps));
      before = at;
    }
  }
  return cells.map((line) => String.fromCharCode(...Array.from(line, (cell) => 0x2800 + cell)));
}
