/** Several jobs laid over each other. */
import type { JSX } from "preact";
import type { Job } from "../../../../schemas/job.ts";
import type { MetricRow, MetricSeries } from "../../../../schemas/metrics.ts";
import { Empty, PageHead, ProblemNote, Section, Waiting } from "../../elements/basics.tsx";
import { Choice } from "../../elements/choice.tsx";
import { hue } from "../../elements/colours.ts";
import { Curve, type CurveLine } from "../../elements/curve.tsx";
import { Field } from "../../elements/field.tsx";
import { Status } from "../../elements/status.tsx";
import { duration, figure, nameOf, percent, percentMark } from "../../format.ts";
import { place, setQuery } from "../../router.ts";
import { service } from "../../service.ts";
import { useJobList } from "../../store/job-list.ts";
import { useResource, type Resource } from "../../store/resource.ts";

const most = 8;
const oftenMs = 3000;

interface Compared {
  job: Job;
  rows: readonly MetricRow[];
}

type Column = "loss" | "accuracy" | "validationLoss" | "validationAccuracy";

const charts: readonly { title: string; column: Column; format: (value: number) => string; canBeLog: boolean }[] = [
  { title: "Validation accuracy", column: "validationAccuracy", format: percent, canBeLog: false },
  { title: "Validation loss", column: "validationLoss", format: figure, canBeLog: true },
  { title: "Training accuracy", column: "accuracy", format: percent, canBeLog: false },
  { title: "Training loss", column: "loss", format: figure, canBeLog: true },
];

/** One axis for all, with gaps where a job has no row. */
function aligned(of: readonly Compared[], column: Column, series: MetricSeries): { x: number[]; lines: CurveLine[] } {
  const at = (row: MetricRow): number => (series === "epoch" ? row.epoch : row.step);
  const x = [...new Set(of.flatMap(({ rows }) => rows.map(at)))].sort((left, right) => left - right);
  const lines = of.flatMap(({ job, rows }, number): CurveLine[] => {
    const values = new Map(rows.map((row) => [at(row), row[column]]));
    if (rows.every((row) => row[column] === null)) return [];
    return [{ name: nameOf(job), hue: number, values: x.map((each) => values.get(each) ?? null) }];
  });
  return { x, lines };
}

function Legend({ of, remove }: { of: readonly Compared[]; remove: (id: string) => void }): JSX.Element {
  return (
    <ul class="plain-list compared">
      {of.map(({ job }, number) => {
        const judged = job.result?.test ?? job.result?.validation ?? job.progress?.validation ?? null;
        return (
          <li key={job.id}>
            <span class="swatch" style={{ "--swatch": hue(number) }} aria-hidden="true" />
            <a class="name" href={`/jobs/${job.id}`}>
              {nameOf(job)}
            </a>
            <Status of={job.status} />
            <span class="soft">
              {judged ? `${percent(judged.accuracy)} · ` : ""}
              {job.result ? duration(job.result.seconds) : ""}
            </span>
            <button type="button" class="small" onClick={() => remove(job.id)}>
              Take away<span class="unseen"> {nameOf(job)}</span>
            </button>
          </li>
        );
      })}
    </ul>
  );
}

function Adder({ ids, add }: { ids: readonly string[]; add: (id: string) => void }): JSX.Element | null {
  const list = useJobList({ status: null, dataset: null, sweep: null });
  const others = list.value.value?.jobs.filter(({ id, progress }) => !ids.includes(id) && progress).slice(0, 200) ?? [];
  if (ids.length >= most || others.length === 0) return null;
  return (
    <Field label="Lay another over them">
      {(attributes) => (
        <select {...attributes} value="" onChange={({ currentTarget }) => add(currentTarget.value)}>
          <option value="">choose a job</option>
          {others.map((job) => (
            <option key={job.id} value={job.id}>
              {nameOf(job)} ({job.status})
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

function useCompared(ids: readonly string[], series: MetricSeries): Resource<readonly Compared[]> {
  return useResource<readonly Compared[]>(`compare?${ids.join()}&${series}`, {
    ask: (signal) =>
      Promise.all(
        ids.map(async (id) => {
          const [job, metrics] = await Promise.all([
            service.jobs.get(id, { signal }),
            service.jobs.metrics(id, { series, maxPoints: 1000 }, { signal }),
          ]);
          return { job, rows: metrics.data };
        }),
      ),
    every: (all) => (all.every(({ job }) => job.terminal) ? null : oftenMs),
  });
}

export default function Compare(): JSX.Element {
  const { query } = place.value;
  const ids = (query.get("jobs") ?? "").split(",").filter(Boolean).slice(0, most);
  const series: MetricSeries = query.get("series") === "step" ? "step" : "epoch";
  const isLog = query.get("scale") === "log";
  const compared = useCompared(ids, series);
  const all = compared.value.value;
  const set = (next: readonly string[]): void => setQuery({ jobs: next.join(",") });
  const controls = (
    <div class="actions">
      <Choice
        label="By"
        of={[
          { value: "epoch", label: "Epochs" },
          { value: "step", label: "Steps" },
        ]}
        value={series}
        choose={(value) => setQuery({ series: value === "epoch" ? null : value })}
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
  return (
    <>
      <PageHead title="Jobs over each other" />
      <ProblemNote problem={compared.problem.value} />
      <Section title="Compared">
        {ids.length === 0 ? <Empty title="Choose jobs to lay over each other." /> : null}
        {all ? <Legend of={all} remove={(id) => set(ids.filter((each) => each !== id))} /> : null}
        <Adder ids={ids} add={(id) => id !== "" && set([...ids, id])} />
      </Section>
      {all === undefined && compared.problem.value === null ? <Waiting what="Asking for the curves" /> : null}
      {all && all.length > 0 ? (
        <Section title="Curves" aside={controls}>
          <div class="charts">
            {charts.map(({ title, column, format, canBeLog }) => {
              const { x, lines } = aligned(all, column, series);
              if (lines.length === 0) return null;
              return (
                <div key={title} class="chart">
                  <h3>{title}</h3>
                  <Curve
                    title={title}
                    x={x}
                    xName={series}
                    lines={lines}
                    format={format}
                    {...(format === percent ? { axisFormat: percentMark } : {})}
                    isLog={isLog && canBeLog}
                    group="compare"
                  />
                </div>
              );
            })}
          </div>
        </Section>
      ) : null}
    </>
  );
}
