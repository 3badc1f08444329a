/** A board to draw on: with mouse, pen or finger. What is on it goes out as a picture of the network's own size. */
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

export interface BoardProps {
  height: number;
  width: number;
  /** Whether the model knows light strokes on dark: told from the mean of its training data. */
  isLightOnDark: boolean;
  /** Called while one draws, and with null for an empty board. */
  changed: (picture: HTMLCanvasElement | null) => void;
}

/** Longer side of the board in its own pixels. */
const boardPixels = 280;
/** Thickness of a stroke as a share of the shorter side. */
const strokeShare = 1 / 13;

function clear(board: HTMLCanvasElement, isLightOnDark: boolean): void {
  const drawing = board.getContext("2d");
  if (!drawing) return;
  drawing.fillStyle = isLightOnDark ? "#000" : "#fff";
  drawing.fillRect(0, 0, board.width, board.height);
}

/** Half by half, so that every pixel of the board counts. */
function shrunk(board: HTMLCanvasElement, width: number, height: number): HTMLCanvasElement {
  let from = board;
  for (;;) {
    const to = document.createElement("canvas");
    to.width = Math.max(width, Math.ceil(from.width / 2));
    to.height = Math.max(height, Math.ceil(from.height / 2));
    const drawing = to.getContext("2d");
    if (drawing) drawing.imageSmoothingQuality = "high";
    drawing?.drawImage(from, 0, 0, to.width, to.height);
    if (to.width === width && to.height === height) return to;
    from = to;
  }
}

export function DrawingBoard({ height, width, isLightOnDark, changed }: BoardProps): JSX.Element {
  const board = useRef<HTMLCanvasElement>(null);
  const last = useRef<{ x: number; y: number } | null>(null);
  const [isEmpty, setEmpty] = useState(true);
  const scale = boardPixels / Math.max(height, width);
  const size = { width: Math.round(width * scale), height: Math.round(height * scale) };
  useEffect(() => {
    if (board.current) clear(board.current, isLightOnDark);
  }, [isLightOnDark, size.width, size.height]);
  const pointOf = (event: PointerEvent): { x: number; y: number } => {
    const box = (event.currentTarget as HTMLCanvasElement).getBoundingClientRect();
    return {
      x: ((event.clientX - box.x) / box.width) * size.width,
      y: ((event.clientY - box.y) / box.height) * size.height,
    };
  };
  const stroke = (to: { x: number; y: number }): void => {
    const { current } = board;
    const drawing = current?.getContext("2d");
    if (!current || !drawing) return;
    const from = last.current ?? to;
    drawing.strokeStyle = isLightOnDark ? "#fff" : "#000";
    drawing.lineCap = "round";
    drawing.lineJoin = "round";
    drawing.lineWidth = Math.min(size.width, size.height) * strokeShare;
    drawing.beginPath();
    drawing.moveTo(from.x, from.y);
    drawing.lineTo(to.x, to.y);
    drawing.stroke();
    last.current = to;
    setEmpty(false);
    changed(shrunk(current, width, height));
  };
  const down = (event: PointerEvent): void => {
    (event.currentTarget as HTMLCanvasElement).setPointerCapture(event.pointerId);
    last.current = null;
    stroke(pointOf(event));
  };
  const move = (event: PointerEvent): void => {
    if (event.buttons === 0 || last.current === null) return;
    stroke(pointOf(event));
  };
  const wipe = (): void => {
    if (board.current) clear(board.current, isLightOnDark);
    setEmpty(true);
    changed(null);
  };
  return (
    <div class="board">
      <canvas
        ref={board}
        width={size.width}
        height={size.height}
        role="img"
        aria-label="A board to draw on with a pointer; a picture can be chosen, dropped or pasted instead"
        onPointerDown={down}
        onPointerMove={move}
        onPointerUp={() => (last.current = null)}
      />
      <div class="actions">
        <button type="button" class="small" onClick={wipe} disabled={isEmpty}>
          Wipe
        </button>
      </div>
    </div>
  );
}
