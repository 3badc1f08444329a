/** Parallel coordinates: a line for each trial, through its settings to what came of it. */
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Trial } from "../../../../client/index.ts";
import { axesOf, strengthOf, worstFirst, type Axis, type Metric } from "./axes.ts";
import { measured, nameOfPointer, valueText } from "./words.ts";

const height = 300;
const margin = { top: 44, bottom: 16, side: 64 };
const leastGap = 160;

/** What lies under a finger may be so far from it. */
const reach = 12;

function useWidth(): { width: number; place: { current: HTMLDivElement | null } } {
  const place = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(800);
  useEffect(() => {
    const element = place.current;
    if (!element) return undefined;
    const look = new ResizeObserver(() => setWidth(element.clientWidth));
    look.observe(element);
    return () => look.disconnect();
  }, []);
  return { width, place };
}

const yOf = (place: number): number => margin.top + (1 - place) * (height - margin.top - margin.bottom);

function pathOf(trial: Trial, axes: readonly Axis[], xOf: (at: number) => number): string {
  const points = axes.flatMap((axis, at) => {
    const place = axis.placeOf(trial);
    return place === null ? [] : [`${xOf(at).toFixed(1)},${yOf(place).toFixed(1)}`];
  });
  return `M${points.join("L")}`;
}

function AxisLine({ axis, x, isFirst }: { axis: Axis; x: number; isFirst: boolean }): JSX.Element {
  return (
    <g>
      {/* The first has no room to its left. */}
      <text class="axis-name" x={isFirst ? 0 : x} y={16} text-anchor={isFirst ? "start" : "middle"}>
        {axis.name}
      </text>
      <line class="axis-line" x1={x} x2={x} y1={yOf(0)} y2={yOf(1)} />
      {axis.ticks.map(({ at, text }) => (
        <g key={`${at} ${text}`}>
          <line class="axis-line" x1={x - 4} x2={x + 4} y1={yOf(at)} y2={yOf(at)} />
          <text class="axis-tick" x={x - 8} y={yOf(at) + 4} text-anchor="end">
            {text}
          </text>
        </g>
      ))}
    </g>
  );
}

const sentence = (trial: Trial, metric: Metric): string =>
  `Trial ${trial.trial}, ${trial.status}: ${
    trial.value === null ? "nothing measured yet" : `${metric} ${measured(metric, trial.value)}`
  }. ${Object.entries(trial.parameters)
    .map(([pointer, value]) => `${nameOfPointer(pointer)} ${valueText(value)}`)
    .join(", ")}.`;

interface ParallelProps {
  space: Parameters<typeof axesOf>[0];
  trials: readonly Trial[];
  metric: Metric;
  chosen: number | null;
  choose: (trial: number | null) => void;
}

/** The line that passes nearest to a point, along the way from axis to axis. */
function nearest(lines: readonly SVGPathElement[], x: number, y: number): number | null {
  let best: { trial: number; far: number } | null = null;
  for (const line of lines) {
    const points = (line.getAttribute("d") ?? "")
      .slice(1)
      .split("L")
      .map((point) => point.split(",").map(Number));
    for (let at = 1; at < points.length; at++) {
      const [[x0, y0], [x1, y1]] = [points[at - 1], points[at]];
      if (x < x0 || x > x1 || x0 === x1) continue;
      const far = Math.abs(y0 + ((x - x0) / (x1 - x0)) * (y1 - y0) - y);
      if (far < reach && far < (best?.far ?? Infinity)) best = { trial: Number(line.dataset["trial"]), far };
    }
  }
  return best?.trial ?? null;
}

export function Parallel({ space, trials, metric, chosen, choose }: ParallelProps): JSX.Element {
  const { width: given, place } = useWidth();
  const axes = axesOf(space, trials, metric);
  const width = Math.max(given, 2 * margin.side + (axes.length - 1) * leastGap);
  const xOf = (at: number): number =>
    axes.length === 1 ? width / 2 : margin.side + (at / (axes.length - 1)) * (width - 1.5 * margin.side);
  // Those that came off best are drawn last and lie on top; what is pointed at lies above all.
  const ordered = worstFirst(trials, metric);
  const strength = strengthOf(ordered);
  const shown = trials.find(({ trial }) => trial === chosen);
  const point = (event: MouseEvent): void => {
    const drawing = event.currentTarget as SVGSVGElement;
    const { left, top } = drawing.getBoundingClientRect();
    choose(
      nearest([...drawing.querySelectorAll<SVGPathElement>(".trial-line")], event.clientX - left, event.clientY - top),
    );
  };
  const step = (event: KeyboardEvent): void => {
    const by = { ArrowUp: 1, ArrowDown: -1 }[event.key];
    if (by === undefined || ordered.length === 0) return;
    event.preventDefault();
    const at = ordered.findIndex(({ trial }) => trial === chosen);
    const next = at < 0 ? ordered.length - 1 : Math.min(ordered.length - 1, Math.max(0, at + by));
    choose(ordered[next]?.trial ?? null);
  };
  return (
    <>
      <div
        ref={place}
        class="scroll-x parallel"
        role="group"
        tabIndex={0}
        aria-label="Parallel coordinates. Up and down go from trial to trial, from the worst to the best."
        onKeyDown={step}
        onBlur={() => choose(null)}
      >
        <svg
          width={width}
          height={height}
          class={shown ? "has-chosen" : ""}
          aria-hidden="true"
          onMouseMove={point}
          onMouseLeave={() => choose(null)}
        >
          {ordered.map((trial) => (
            <path
              key={trial.trial}
              class={`trial-line ${trial.value === null ? "unmeasured" : ""}`}
              data-trial={trial.trial}
              d={pathOf(trial, axes, xOf)}
              style={{ "--good": String(strength.get(trial.trial) ?? 0) }}
            />
          ))}
          {shown ? <path class="trial-line chosen" d={pathOf(shown, axes, xOf)} /> : null}
          {axes.map((axis, at) => (
            <AxisLine key={axis.key} axis={axis} x={xOf(at)} isFirst={at === 0} />
          ))}
        </svg>
      </div>
      <p class="parallel-says soft small-text" aria-live="polite">
        {shown ? sentence(shown, metric) : "Point at a line, or at a row below. Strong lines came off best."}
      </p>
    </>
  );
}
