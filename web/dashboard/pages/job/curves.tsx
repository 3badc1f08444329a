/** Loss, accuracy and what stands beside them, by step or by epoch. */
import type { JSX } from "preact";
import { useMemo } from "preact/hooks";
import type { Job } from "../../../../schemas/job.ts";
import type { MetricRow, MetricSeries } from "../../../../schemas/metrics.ts";
import { Empty, ProblemNote, Section, Waiting } from "../../elements/basics.tsx";
import { Choice } from "../../elements/choice.tsx";
import { Curve, type CurveLine, type CurveMark } from "../../elements/curve.tsx";
import { figure, percent, percentMark, short } from "../../format.ts";
import { place, setQuery } from "../../router.ts";
import { useCurves } from "../../store/curves.ts";
import type { LiveJob } from "../../store/live-job.ts";
import { useLast } from "../../store/resource.ts";
import { useCheckpoints } from "./checkpoints.tsx";

type Range = readonly [number, number] | null;

function rangeOf(query: URLSearchParams): Range {
  const [from, to] = [Number(query.get("from") ?? "NaN"), Number(query.get("to") ?? "NaN")];
  return Number.isFinite(from) && Number.isFinite(to) && from < to ? [from, to] : null;
}

const setRange = (range: Range): void =>
  setQuery({
    from: range ? String(Number(range[0].toPrecision(6))) : null,
    to: range ? String(Number(range[1].toPrecision(6))) : null,
  });

type Column =
  | "loss"
  | "accuracy"
  | "validationLoss"
  | "validationAccuracy"
  | "learningRate"
  | "gradientNorm"
  | "samplesPerSecond";

interface Chart {
  title: string;
  lines: readonly { name: string; column: Column; hue: number }[];
  format: (value: number) => string;
  canBeLog: boolean;
  isSmall?: boolean;
}

const chartsOf = (split: string): readonly Chart[] => [
  {
    title: "Loss",
    lines: [
      { name: "training", column: "loss", hue: 0 },
      { name: split, column: "validationLoss", hue: 1 },
    ],
    format: figure,
    canBeLog: true,
  },
  {
    title: "Accuracy",
    lines: [
      { name: "training", column: "accuracy", hue: 0 },
      { name: split, column: "validationAccuracy", hue: 1 },
    ],
    format: percent,
    canBeLog: false,
  },
  {
    title: "Learning rate",
    lines: [{ name: "rate", column: "learningRate", hue: 2 }],
    format: figure,
    canBeLog: true,
    isSmall: true,
  },
  {
    title: "Length of the gradient",
    lines: [{ name: "norm", column: "gradientNorm", hue: 3 }],
    format: figure,
    canBeLog: true,
    isSmall: true,
  },
  {
    title: "Samples a second",
    lines: [{ name: "rate", column: "samplesPerSecond", hue: 4 }],
    format: short,
    canBeLog: false,
    isSmall: true,
  },
];

/** Attempts begin where the one before left a checkpoint. */
function marksOf(
  job: Job,
  checkpoints: readonly { epoch: number; step: number; best: boolean }[],
  series: MetricSeries,
): CurveMark[] {
  const at = (each: { epoch: number; step: number }): number => (series === "epoch" ? each.epoch : each.step);
  const perEpoch = job.progress && job.progress.epochs > 0 ? job.progress.steps / job.progress.epochs : 0;
  const again = job.attempts.slice(1).flatMap(({ fromCheckpoint }): CurveMark[] => {
    if (fromCheckpoint === null || perEpoch === 0) return [];
    return [{ at: series === "epoch" ? fromCheckpoint / perEpoch : fromCheckpoint, kind: "attempt" }];
  });
  return [
    ...checkpoints.map((each): CurveMark => ({ at: at(each), kind: each.best ? "best" : "checkpoint" })),
    ...again,
  ];
}

interface ChartsProps {
  rows: readonly MetricRow[];
  series: MetricSeries;
  isLog: boolean;
  marks: readonly CurveMark[];
  range: Range;
}

function Charts({ rows, series, isLog, marks, range }: ChartsProps): JSX.Element {
  const split = rows.findLast((row) => row.split !== null)?.split ?? "validation";
  const shown = useMemo(() => {
    const x = rows.map((row) => (series === "epoch" ? row.epoch : row.step));
    const charts = chartsOf(split).map((chart) => ({
      ...chart,
      curves: chart.lines.flatMap(({ name, column, hue }): CurveLine[] => {
        const values = rows.map((row) => row[column]);
        return values.some((value) => value !== null) ? [{ name, hue, values }] : [];
      }),
    }));
    return { x, charts: charts.filter(({ curves }) => curves.length > 0) };
  }, [rows, series, split]);
  return (
    <div class="charts">
      {shown.charts.map(({ title, curves, format, canBeLog, isSmall = false }) => (
        <div key={title} class={isSmall ? "chart small-chart" : "chart"}>
          <h3>{title}</h3>
          <Curve
            title={title}
            x={shown.x}
            xName={series}
            lines={curves}
            format={format}
            {...(format === percent ? { axisFormat: percentMark } : {})}
            isLog={isLog && canBeLog}
            marks={marks}
            height={isSmall ? 150 : 240}
            group="job"
            range={range}
            onRange={setRange}
          />
        </div>
      ))}
    </div>
  );
}

const Controls = ({ series, isLog, range }: { series: MetricSeries; isLog: boolean; range: Range }): JSX.Element => (
  <div class="actions">
    {range ? (
      <button type="button" class="small" onClick={() => setRange(null)}>
        Show all
      </button>
    ) : null}
    <Choice
      label="By"
      of={[
        { value: "epoch", label: "Epochs" },
        { value: "step", label: "Steps" },
      ]}
      value={series}
      choose={(value) => setQuery({ series: value === "epoch" ? null : value, from: null, to: null })}
    />
    <Choice
      label="Scale"
      of={[
        { value: "linear", label: "Linear" },
        { value: "log", label: "Logarithmic" },
      ]}
      value={isLog ? "log" : "linear"}
      choose={(value) => setQuery({ scale: value === "log" ? "log" : null })}
    />
  </div>
);

export function Curves({ job, live }: { job: Job; live: LiveJob }): JSX.Element {
  const { query } = place.value;
  const series: MetricSeries = query.get("series") === "step" ? "step" : "epoch";
  const isLog = query.get("scale") === "log";
  const range = rangeOf(query);
  const rows = useCurves(job.id, {
    series,
    range: series === "step" ? range : null,
    isMoving: !job.terminal,
  });
  const kept = useCheckpoints(job, live);
  const now = rows.value.value;
  const drawn = useLast(now && { rows: now, series, range });
  return (
    <Section title="Curves" aside={<Controls series={series} isLog={isLog} range={range} />}>
      <ProblemNote problem={rows.problem.value} />
      {drawn === undefined && rows.problem.value === null ? <Waiting what="Asking for the curves" /> : null}
      {drawn?.rows.length === 0 ? (
        <Empty title={drawn.series === "epoch" ? "No epoch has ended yet." : "Nothing was measured yet."}>
          {drawn.series === "epoch" ? (
            <button type="button" onClick={() => setQuery({ series: "step" })}>
              Look at the steps
            </button>
          ) : null}
        </Empty>
      ) : null}
      {drawn && drawn.rows.length > 0 ? (
        <>
          <Charts {...drawn} isLog={isLog} marks={marksOf(job, kept.value.value?.data ?? [], drawn.series)} />
          <p class="soft small-text">
            Drag over a part to look closer. Triangles are checkpoints, the large one the best; a dashed line is where
            another attempt went on.
          </p>
        </>
      ) : null}
    </Section>
  );
}
