/**
 * A job as it goes: asked for once, then followed by its stream of events, which is gone on with by id wherever it
 * breaks. What grows is kept short.
 */
import { signal, type ReadonlySignal, type Signal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import type { Event } from "../../../schemas/event.ts";
import type { Job } from "../../../schemas/job.ts";
import type { MetricRow, MetricSeries } from "../../../schemas/metrics.ts";
import { service } from "../service.ts";
import { useResource, type Resource } from "./resource.ts";

const mostEvents = 400;
const slowMs = 10_000;

export interface LiveJob {
  job: Resource<Job>;
  /** The newest last; progress is left out. */
  events: ReadonlySignal<readonly Event[]>;
  /** Counts up with every checkpoint that came while it was watched. */
  checkpoints: ReadonlySignal<number>;
  /** Rows of epochs that came while it was watched. */
  rows: ReadonlySignal<readonly MetricRow[]>;
}

interface Heard {
  events: Signal<readonly Event[]>;
  checkpoints: Signal<number>;
  rows: Signal<readonly MetricRow[]>;
}

const newest = <Item>(items: readonly Item[], item: Item): readonly Item[] => [...items, item].slice(-mostEvents);

function hear(event: Event, heard: Heard, job: Resource<Job>): void {
  const known = job.value.peek();
  if (event.type === "progress") {
    if (known) job.set({ ...known, progress: event.data });
    return;
  }
  heard.events.value = newest(heard.events.peek(), event);
  if (event.type === "epoch") heard.rows.value = newest(heard.rows.peek(), event.data);
  else if (event.type === "checkpoint") heard.checkpoints.value += 1;
  else if (event.type !== "warning") void job.refresh();
}

/** What happened before, then what happens, until the job has ended or nobody looks. */
async function listen(id: string, heard: Heard, job: Resource<Job>, abort: AbortSignal): Promise<void> {
  const before = await service.jobs.eventPage(id, { limit: 200, order: "desc" }, { signal: abort });
  const past = before.data.toReversed();
  heard.events.value = past.filter(({ type }) => type !== "progress");
  const after = past.at(-1)?.id;
  const options = { signal: abort, patienceSeconds: Number.POSITIVE_INFINITY };
  for await (const event of service.jobs.events(id, after === undefined ? options : { ...options, after }))
    hear(event, heard, job);
}

export function useLiveJob(id: string): LiveJob {
  const job: Resource<Job> = useResource(`jobs/${id}`, {
    ask: (abort) => service.jobs.get(id, { signal: abort }),
    every: ({ terminal }) => (terminal ? null : slowMs),
  });
  const heard = useMemo<Heard>(() => ({ events: signal([]), checkpoints: signal(0), rows: signal([]) }), [id]);
  useEffect(() => {
    const abort = new AbortController();
    // What could not be heard is told by the job's own problem.
    listen(id, heard, job, abort.signal).catch(() => undefined);
    return () => abort.abort();
  }, [id]);
  return { job, ...heard };
}

const mostPoints = 3000;
const stepsMs = 3000;

/** The curves of a job; rows of epochs are pushed, rows of steps asked for again while it runs. */
export function useCurves(
  id: string,
  options: { series: MetricSeries; range: readonly [number, number] | null; isMoving: boolean; epochs: number },
): Resource<readonly MetricRow[]> {
  const { series, range, isMoving, epochs } = options;
  const part = range === null ? {} : { from: Math.max(0, Math.floor(range[0])), to: Math.ceil(range[1]) };
  const resource = useResource<readonly MetricRow[]>(`metrics/${id}?${series}&${JSON.stringify(part)}`, {
    ask: async (abort) =>
      (await service.jobs.metrics(id, { series, maxPoints: mostPoints, ...part }, { signal: abort })).data,
    every: () => (isMoving && range === null ? (series === "step" ? stepsMs : slowMs) : null),
  });
  // A new epoch, or the end, is worth a look at once.
  useEffect(() => {
    if (epochs > 0 || !isMoving) void resource.refresh();
  }, [epochs, isMoving]);
  return resource;
}
