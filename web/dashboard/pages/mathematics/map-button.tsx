/** One map as a picture that can be pointed at: with the mouse, or with the arrows once it has the focus. */
import type { JSX } from "preact";
import { HeatMap, type Numbers } from "../../elements/heat-map.tsx";

export interface Mark {
  row: number;
  column: number;
  height: number;
  width: number;
}

export interface MapButtonProps {
  values: Numbers;
  label: string;
  signed: boolean;
  range: readonly [number, number];
  /** The pixel or patch that is marked. */
  mark?: Mark | undefined;
  choose?: (at: { row: number; column: number }) => void;
}

const arrows: Record<string, readonly [row: number, column: number]> = {
  ArrowUp: [-1, 0],
  ArrowDown: [1, 0],
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
};

/** A frame over the marked pixels, in the map's own units so that it fits at every size. */
const Frame = ({ mark, height, width }: { mark: Mark; height: number; width: number }): JSX.Element => (
  <svg class="map-frame" viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none" aria-hidden="true">
    <rect class="map-frame-outer" x={mark.column} y={mark.row} width={mark.width} height={mark.height} />
    <rect class="map-frame-inner" x={mark.column} y={mark.row} width={mark.width} height={mark.height} />
  </svg>
);

export function MapButton({ values, label, signed, range, mark, choose }: MapButtonProps): JSX.Element {
  const [height, width] = [values.length, values[0]?.length ?? 0];
  const clamp = (at: { row: number; column: number }): { row: number; column: number } => ({
    row: Math.min(height - 1, Math.max(0, at.row)),
    column: Math.min(width - 1, Math.max(0, at.column)),
  });
  const click = (event: MouseEvent): void => {
    const button = event.currentTarget as HTMLElement;
    const box = (button.querySelector("canvas") ?? button).getBoundingClientRect();
    // A key press on a button is a click too, in the middle of nothing: the mark stays then.
    if (event.detail === 0) return choose?.(mark ?? { row: 0, column: 0 });
    choose?.(
      clamp({
        row: Math.floor(((event.clientY - box.y) / box.height) * height),
        column: Math.floor(((event.clientX - box.x) / box.width) * width),
      }),
    );
  };
  const press = (event: KeyboardEvent): void => {
    const step = arrows[event.key];
    if (!step) return;
    event.preventDefault();
    const from = mark ?? { row: 0, column: 0 };
    choose?.(clamp({ row: from.row + step[0], column: from.column + step[1] }));
  };
  const shown = (
    <>
      <HeatMap values={values} label={label} signed={signed} range={range} />
      {mark ? <Frame mark={mark} height={height} width={width} /> : null}
    </>
  );
  if (!choose) return <span class="map">{shown}</span>;
  return (
    <button type="button" class="map" onClick={click} onKeyDown={press}>
      {shown}
    </button>
  );
}
