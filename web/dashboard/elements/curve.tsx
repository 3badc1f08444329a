/**
 * Curves over one axis: a cursor with values, zoom by dragging or by the keyboard, linear or logarithmic, marks on the
 * axis. Charts of one `group` move their cursors and their zoom together.
 */
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import { figure, mark } from "../format.ts";
import { onTheme, resolved } from "./colours.ts";

export interface CurveLine {
  name: string;
  /** A place of `hue`. */
  hue: number;
  values: readonly (number | null)[];
  isDashed?: boolean;
  /** Points without lines between them, for few and far ones. */
  hasPoints?: boolean;
}

export interface CurveMark {
  at: number;
  kind: "checkpoint" | "best" | "attempt";
}

export interface CurveProps {
  title: string;
  /** Rising; the places of all lines. */
  x: readonly number[];
  xName: string;
  lines: readonly CurveLine[];
  isLog?: boolean;
  marks?: readonly CurveMark[];
  height?: number;
  format?: (value: number) => string;
  /** Of the numbers beside the axis, where they should be shorter. */
  axisFormat?: (value: number) => string;
  group?: string;
  /** The part that is shown; null: all. */
  range?: readonly [number, number] | null;
  onRange?: (range: readonly [number, number] | null) => void;
}

const markColours = { checkpoint: "--edge", best: "--accent", attempt: "--warn" } as const;

function drawMarks(chart: uPlot, marks: readonly CurveMark[]): void {
  const { ctx, bbox } = chart;
  ctx.save();
  for (const { at, kind } of marks) {
    const x = chart.valToPos(at, "x", true);
    if (x < bbox.left || x > bbox.left + bbox.width) continue;
    ctx.fillStyle = ctx.strokeStyle = resolved(markColours[kind]);
    if (kind === "attempt") {
      ctx.setLineDash([4 * devicePixelRatio, 4 * devicePixelRatio]);
      ctx.beginPath();
      ctx.moveTo(x, bbox.top);
      ctx.lineTo(x, bbox.top + bbox.height);
      ctx.stroke();
      ctx.setLineDash([]);
      continue;
    }
    const side = (kind === "best" ? 5 : 3.5) * devicePixelRatio;
    const y = bbox.top + bbox.height;
    ctx.beginPath();
    ctx.moveTo(x, y - 2 * side);
    ctx.lineTo(x + side, y);
    ctx.lineTo(x - side, y);
    ctx.fill();
  }
  ctx.restore();
}

/** Where nobody points, the newest: of a line that ended earlier its own. */
function legendValue(chart: uPlot, series: number, at: number | null): number | null {
  const values = chart.data[series] ?? [];
  if (at !== null) return values[at] ?? null;
  for (let last = values.length - 1; last >= 0; last--) {
    const value = values[last];
    if (value !== null && value !== undefined) return value;
  }
  return null;
}

const axis = (format?: (value: number) => string): uPlot.Axis => ({
  stroke: () => resolved("--soft"),
  grid: { stroke: () => resolved("--line"), width: 1 },
  ticks: { show: false },
  font: "12px system-ui, sans-serif",
  ...(format
    ? {
        // Of a logarithmic axis uPlot gives null where no number should stand.
        values: (_: uPlot, all: (number | null)[]) => all.map((each) => (each === null ? "" : format(each))),
        size: 56,
      }
    : { size: 28 }),
});

function optionsOf(props: CurveProps, width: number, marks: () => readonly CurveMark[]): uPlot.Options {
  const { height = 220, isLog = false, format = figure, group, onRange } = props;
  return {
    width,
    height,
    ms: 1,
    padding: [8, 8, 0, 0],
    cursor: {
      ...(group === undefined ? {} : { sync: { key: group } }),
      points: { size: 7 },
      drag: { x: true, y: false, setScale: false },
      bind: {
        dblclick: () => () => {
          onRange?.(null);
          return null;
        },
      },
    },
    legend: { live: true },
    scales: { x: { time: false }, y: { distr: isLog ? 3 : 1 } },
    axes: [axis(), axis(props.axisFormat ?? (format === figure ? mark : format))],
    series: [
      { label: props.xName, value: (chart, _, series, at) => figure(legendValue(chart, series, at), 6) },
      ...props.lines.map(({ name, hue, isDashed = false, hasPoints }) => ({
        label: name,
        stroke: () => resolved(`--hue-${hue % 8}`),
        width: 1.5,
        spanGaps: true,
        ...(isDashed ? { dash: [6, 4] } : {}),
        ...(hasPoints === undefined ? {} : { points: { show: hasPoints, size: 5 } }),
        value: (chart: uPlot, _: number | null, series: number, at: number | null) => {
          const value = legendValue(chart, series, at);
          return value === null ? "–" : format(value);
        },
      })),
    ],
    hooks: {
      draw: [(chart) => drawMarks(chart, marks())],
      setSelect: [
        (chart) => {
          const { left, width: wide } = chart.select;
          if (wide < 4) return;
          onRange?.([chart.posToVal(left, "x"), chart.posToVal(left + wide, "x")]);
          chart.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
        },
      ],
    },
  };
}

/** What a logarithm has no value for is a gap. */
const dataOf = ({ x, lines, isLog = false }: CurveProps): uPlot.AlignedData =>
  [
    [...x],
    ...lines.map(({ values }) => values.map((each) => (isLog && each !== null && each <= 0 ? null : each))),
  ] as uPlot.AlignedData;

/** The part of the axis that is shown, moved by a key. */
function moved(key: string, [from, to]: readonly [number, number], [first, last]: readonly [number, number]) {
  const wide = to - from;
  const clip = (low: number, high: number): readonly [number, number] | null =>
    low <= first && high >= last ? null : [Math.max(first, low), Math.min(last, high)];
  if (key === "+" || key === "=") return clip(from + wide / 4, to - wide / 4);
  if (key === "-") return clip(from - wide / 2, to + wide / 2);
  if (key === "ArrowLeft") return clip(from - wide / 5, Math.max(first + wide, to - wide / 5));
  if (key === "ArrowRight") return clip(Math.min(last - wide, from + wide / 5), to + wide / 5);
  return key === "0" || key === "Escape" ? null : undefined;
}

export function Curve(props: CurveProps): JSX.Element {
  const place = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot | null>(null);
  const { lines, x, isLog = false, marks = [], range = null, title, onRange } = props;
  const newest = useRef({ props, marks });
  newest.current = { props, marks };
  const kind = JSON.stringify([lines.map(({ name, hue, isDashed }) => [name, hue, isDashed]), isLog, props.height]);
  useEffect(() => {
    const { current } = place;
    if (!current) return undefined;
    const width = (): number => Math.max(200, current.clientWidth);
    const own = new uPlot(
      optionsOf(newest.current.props, width(), () => newest.current.marks),
      dataOf(newest.current.props),
      current,
    );
    chart.current = own;
    const sizes = new ResizeObserver(() => own.setSize({ width: width(), height: own.height }));
    sizes.observe(current);
    const forget = onTheme(() => own.redraw());
    return () => {
      sizes.disconnect();
      forget();
      own.destroy();
      chart.current = null;
    };
  }, [kind]);
  useEffect(() => {
    const own = chart.current;
    if (!own) return;
    own.setData(dataOf(newest.current.props), range === null);
    if (range) own.setScale("x", { min: range[0], max: range[1] });
  }, [x, lines, range, kind]);
  const ends = [x[0] ?? 0, x.at(-1) ?? 1] as const;
  const press = (event: KeyboardEvent): void => {
    const to = moved(event.key, range ?? ends, ends);
    if (to === undefined || !onRange) return;
    event.preventDefault();
    onRange(to);
  };
  const last = lines.map(({ name, values }) => {
    const value = values.findLast((each) => each !== null);
    return `${name} ${value === undefined || value === null ? "none yet" : (props.format ?? figure)(value)}`;
  });
  return (
    <div
      ref={place}
      class="curve"
      role="group"
      tabIndex={0}
      aria-label={`${title} by ${props.xName}; at the end ${last.join(", ")}. Plus and minus zoom, arrows move, 0 shows all.`}
      onKeyDown={press}
    />
  );
}
