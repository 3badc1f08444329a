/** What Chromium itself records of a page: tasks of its main thread, frames that were shown and missed. */
import type { Browser, Page } from "../../tests/support/browser.ts";

const categories = [
  "toplevel",
  "devtools.timeline",
  "disabled-by-default-devtools.timeline",
  "devtools.timeline.frame",
  "disabled-by-default-devtools.timeline.frame",
];

interface TraceEvent {
  name: string;
  ph: string;
  pid: number;
  tid: number;
  /** Microseconds: of the clock, and of the thread's own time. */
  dur?: number;
  tdur?: number;
  args?: { name?: string };
}

export interface Traced {
  seconds: number;
  /** Milliseconds of each task of the main thread, by its own clock: time that others took from it does not count. */
  tasks: number[];
  /** The same by the clock on the wall. */
  wallTasks: number[];
  frames: { shown: number; missed: number };
}

const isTask = ({ name, ph }: TraceEvent): boolean =>
  ph === "X" && (name === "RunTask" || name === "ThreadControllerImpl::RunTask");

/** The main thread of the renderer that had the most to do: the page that was looked at. */
function mainThread(events: readonly TraceEvent[]): string {
  const mains = new Set(
    events
      .filter(({ name, args }) => name === "thread_name" && args?.name === "CrRendererMain")
      .map(({ pid, tid }) => `${pid}/${tid}`),
  );
  const busy = new Map<string, number>();
  for (const event of events) {
    const thread = `${event.pid}/${event.tid}`;
    if (isTask(event) && mains.has(thread)) busy.set(thread, (busy.get(thread) ?? 0) + (event.tdur ?? 0));
  }
  const [most] = [...busy].sort(([, one], [, other]) => other - one);
  if (!most) throw new Error("the trace has no task of a page");
  return most[0];
}

/** Of tasks within tasks the outer ones: they stand in the trace under two names. */
function tasksOf(events: readonly TraceEvent[]): TraceEvent[] {
  const main = mainThread(events);
  const own = events.filter((event) => isTask(event) && `${event.pid}/${event.tid}` === main);
  const names = new Set(own.map(({ name }) => name));
  const name = names.has("RunTask") ? "RunTask" : "ThreadControllerImpl::RunTask";
  return own.filter((event) => event.name === name);
}

/** Records while `work` goes on. */
export async function trace(browser: Browser, page: Page, work: () => Promise<void>): Promise<Traced> {
  await browser.startTracing(page, { categories });
  const began = performance.now();
  try {
    await work();
  } catch (error) {
    await browser.stopTracing();
    throw error;
  }
  const seconds = (performance.now() - began) / 1000;
  const { traceEvents } = JSON.parse((await browser.stopTracing()).toString()) as { traceEvents: TraceEvent[] };
  const tasks = tasksOf(traceEvents);
  const count = (name: string): number => traceEvents.filter((event) => event.name === name).length;
  return {
    seconds,
    tasks: tasks.map(({ tdur = 0 }) => tdur / 1000),
    wallTasks: tasks.map(({ dur = 0 }) => dur / 1000),
    frames: { shown: count("DrawFrame"), missed: count("DroppedFrame") },
  };
}
