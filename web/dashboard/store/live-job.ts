/**
 * A job as it goes: asked for once, then followed by its stream of events, which is gone on with by id wherever it
 * breaks. Events are gathered before anything is drawn: a job may end a hundred epochs a second. What grows is kept
 * short.
 */
import { batch, signal, type ReadonlySignal, type Signal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import type { Event } from "../../../schemas/event.ts";
import type { Job } from "../../../schemas/job.ts";
import { service } from "../service.ts";
import { gather } from "./gathered.ts";
import { useResource, type Resource } from "./resource.ts";

const slowMs = 10_000;
/** Of epochs and checkpoints, and of everything else: a warning is not pushed out by what follows it. */
const mostRepeated = 120;
const mostTold = 300;

type JobProgress = NonNullable<Job["progress"]>;

export interface LiveJob {
  job: Resource<Job>;
  /** The newest that was heard; null: none since the job was asked for. */
  progress: ReadonlySignal<JobProgress | null>;
  /** The newest last; progress is left out. */
  events: ReadonlySignal<readonly Event[]>;
  /** Counts up with every handful of checkpoints that came while it was watched. */
  checkpoints: ReadonlySignal<number>;
}

interface Heard {
  progress: Signal<JobProgress | null>;
  events: Signal<readonly Event[]>;
  checkpoints: Signal<number>;
}

const isRepeated = ({ type }: Event): boolean => type === "epoch" || type === "checkpoint";

/** The newest of each sort, in their order. */
function kept(events: readonly Event[]): readonly Event[] {
  const repeated = events.filter(isRepeated).slice(-mostRepeated);
  const told = events.filter((event) => !isRepeated(event)).slice(-mostTold);
  return [...repeated, ...told].sort((left, right) => Number(left.id) - Number(right.id));
}

function hear(came: readonly Event[], heard: Heard, job: Resource<Job>): void {
  const progress = came.findLast((event) => event.type === "progress");
  const others = came.filter(({ type }) => type !== "progress");
  batch(() => {
    if (progress) heard.progress.value = progress.data;
    if (others.length > 0) heard.events.value = kept([...heard.events.peek(), ...others]);
    if (others.some(({ type }) => type === "checkpoint")) heard.checkpoints.value += 1;
  });
  if (others.some((event) => !isRepeated(event) && event.type !== "warning")) void job.refresh();
}

/** What happened before, then what happens, until the job has ended or nobody looks. */
async function listen(id: string, heard: Heard, job: Resource<Job>, abort: AbortSignal): Promise<void> {
  const before = await service.jobs.eventPage(id, { limit: 200, order: "desc" }, { signal: abort });
  const past = before.data.toReversed();
  heard.events.value = kept(past.filter(({ type }) => type !== "progress"));
  const after = past.at(-1)?.id;
  const options = { signal: abort, patienceSeconds: Number.POSITIVE_INFINITY };
  const events = service.jobs.events(id, after === undefined ? options : { ...options, after });
  await gather(events, (came) => hear(came, heard, job), abort);
}

export function useLiveJob(id: string): LiveJob {
  const job: Resource<Job> = useResource(`jobs/${id}`, {
    ask: (abort) => service.jobs.get(id, { signal: abort }),
    every: ({ terminal }) => (terminal ? null : slowMs),
  });
  const heard = useMemo<Heard>(() => ({ progress: signal(null), events: signal([]), checkpoints: signal(0) }), [id]);
  useEffect(() => {
    const abort = new AbortController();
    // What could not be heard is told by the job's own problem.
    listen(id, heard, job, abort.signal).catch(() => undefined);
    return () => abort.abort();
  }, [id]);
  return { job, ...heard };
}
