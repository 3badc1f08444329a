/** Rows of numbers as colours: viridis where all are of one sign, diverging around 0 where they are not. */
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { figure } from "../format.ts";
import { evenColour, signedColour } from "./colours.ts";

export type Numbers = readonly (readonly (number | null)[])[];

export interface HeatMapProps {
  values: Numbers;
  /** What it shows, for those who cannot see it. */
  label: string;
  /** By default what the numbers are: around 0 where one is below it. */
  signed?: boolean;
  /** The ends of the scale, where several maps share one. */
  range?: readonly [least: number, most: number];
  /** Side of a number in CSS pixels; otherwise as wide as there is room. */
  cell?: number;
  /** A number was pointed at, or none any more. */
  onPoint?: (at: { row: number; column: number } | null) => void;
}

/** The least and the largest of the finite ones; 0 to 1 where there are none. */
export function rangeOf(values: Numbers): readonly [number, number] {
  let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const row of values)
    for (const value of row) {
      if (value === null) continue;
      least = Math.min(least, value);
      most = Math.max(most, value);
    }
  return least > most ? [0, 1] : [least, most];
}

function paint(canvas: HTMLCanvasElement, values: Numbers, signed: boolean, range: readonly [number, number]): void {
  const [height, width] = [values.length, values[0]?.length ?? 0];
  if (height === 0 || width === 0) return;
  canvas.width = width;
  canvas.height = height;
  const drawing = canvas.getContext("2d");
  if (!drawing) return;
  const picture = drawing.createImageData(width, height);
  const [least, most] = range;
  const reach = Math.max(Math.abs(least), Math.abs(most)) || 1;
  for (const [row, numbers] of values.entries())
    for (const [column, value] of numbers.entries()) {
      const at = 4 * (row * width + column);
      if (value === null) continue;
      const colour = signed ? signedColour(value / reach) : evenColour((value - least) / (most - least || 1));
      picture.data.set([...colour, 255], at);
    }
  drawing.putImageData(picture, 0, 0);
}

export function HeatMap({ values, label, signed, range, cell, onPoint }: HeatMapProps): JSX.Element {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [least, most] = range ?? rangeOf(values);
  const isSigned = signed ?? least < 0;
  useEffect(() => {
    if (canvas.current) paint(canvas.current, values, isSigned, [least, most]);
  }, [values, isSigned, least, most]);
  // A custom property set on the element itself is no inline style of the page.
  useEffect(() => {
    if (canvas.current) canvas.current.style.width = cell === undefined ? "" : `${(values[0]?.length ?? 0) * cell}px`;
  }, [cell, values]);
  const point = (event: PointerEvent): void => {
    if (!onPoint || !canvas.current) return;
    const box = canvas.current.getBoundingClientRect();
    const row = Math.floor(((event.clientY - box.y) / box.height) * values.length);
    const column = Math.floor(((event.clientX - box.x) / box.width) * (values[0]?.length ?? 0));
    onPoint(values[row]?.[column] === undefined ? null : { row, column });
  };
  return (
    <canvas
      ref={canvas}
      class="heat-map pixels"
      role="img"
      aria-label={`${label}: ${values.length} rows of ${values[0]?.length ?? 0}, from ${figure(least)} to ${figure(most)}`}
      onPointerMove={point}
      onPointerLeave={() => onPoint?.(null)}
    />
  );
}

/** What the colours of a heat map mean. */
export function Scale({
  range,
  signed = range[0] < 0,
}: {
  range: readonly [number, number];
  signed?: boolean;
}): JSX.Element {
  const reach = Math.max(Math.abs(range[0]), Math.abs(range[1]));
  const [least, most] = signed ? [-reach, reach] : range;
  return (
    <p class="scale">
      <span>{figure(least)}</span>
      <span class={`scale-bar ${signed ? "signed" : ""}`} aria-hidden="true" />
      <span>{figure(most)}</span>
    </p>
  );
}
