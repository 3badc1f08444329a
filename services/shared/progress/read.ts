/** Events of jobs and sweeps, and curves of jobs, as they stand in Redis. */
import type { Redis } from "ioredis";
import type { z } from "zod";
import { event } from "../../../schemas/event.ts";
import type { Event } from "../../../schemas/event.ts";
import { insideRow, type InsideRow } from "../../../schemas/inside.ts";
import { metricRow } from "../../../schemas/metrics.ts";
import type { MetricRow, MetricSeries } from "../../../schemas/metrics.ts";
import { sweepEvent, type SweepEvent } from "../../../schemas/sweep-event.ts";
import { keys } from "../redis-keys.ts";

/** Ids of events are whole numbers without a gap, from 1. */
export const isEventId = (text: string): boolean => /^\d{1,15}$/.test(text);

/** Whose events they are: where they stand, beside which record, and in what words. */
export interface Sequence<Each extends { id: string }> {
  record: (id: string) => string;
  stream: (id: string) => string;
  words: z.ZodType<Each>;
}

export const jobSequence: Sequence<Event> = { record: keys.job, stream: keys.jobEvents, words: event };
export const sweepSequence: Sequence<SweepEvent> = {
  record: keys.sweep,
  stream: keys.sweepEvents,
  words: sweepEvent,
};

function parseEntry<Each>([id, fields]: [string, string[]], words: z.ZodType<Each>): Each {
  const read = Object.fromEntries(
    fields.flatMap((name, index) => (index % 2 === 0 ? [[name, fields[index + 1] ?? ""]] : [])),
  );
  return words.parse({
    id: id.replace("-0", ""),
    type: read["type"],
    at: read["at"],
    data: JSON.parse(read["data"] ?? "null"),
  });
}

/** A job of a week has hundreds of thousands of rows: between two readings others have their turn. */
const rowsAtOnce = 1000;

/** Up to `limit` events after (not including) the id; from the first where it is "0". */
export async function readEvents<Each extends { id: string }>(
  redis: Redis,
  { stream, words }: Sequence<Each>,
  id: string,
  options: { after: string; limit: number },
): Promise<Each[]> {
  const entries = await redis.xrange(stream(id), `(${options.after}-0`, "+", "COUNT", options.limit);
  return entries.map((entry) => parseEntry(entry, words));
}

/** All of them, the oldest first. */
export async function allEvents<Each extends { id: string }>(
  redis: Redis,
  sequence: Sequence<Each>,
  id: string,
): Promise<Each[]> {
  const events: Each[] = [];
  for (;;) {
    const page = await readEvents(redis, sequence, id, { after: events.at(-1)?.id ?? "0", limit: rowsAtOnce });
    events.push(...page);
    if (page.length < rowsAtOnce) return events;
  }
}

/**
 * The other way round: up to `limit` events before (not including) the id, the newest first; from the last where it is
 * null.
 */
export async function readEventsBack<Each extends { id: string }>(
  redis: Redis,
  { stream, words }: Sequence<Each>,
  id: string,
  options: { before: string | null; limit: number },
): Promise<Each[]> {
  const entries = await redis.xrevrange(
    stream(id),
    options.before === null ? "+" : `(${options.before}-0`,
    "-",
    "COUNT",
    options.limit,
  );
  return entries.map((entry) => parseEntry(entry, words));
}

/** The id of the newest event; "0" where there is none. */
export async function lastEventId(
  redis: Redis,
  { record }: Pick<Sequence<{ id: string }>, "record">,
  id: string,
): Promise<string> {
  return (await redis.hget(record(id), "events")) ?? "0";
}

/** Steps of a series, both included; all where nothing is said. */
interface Steps {
  from?: number | undefined;
  to?: number | undefined;
}

/**
 * Rows of a series in order of steps, part by part, as a worker wrote them: what is answered of them goes through
 * `metricRow`. A part is parsed as one text while Redis looks for the next.
 */
export async function* metricPages(
  redis: Redis,
  jobId: string,
  series: MetricSeries,
  { from, to }: Steps = {},
): AsyncGenerator<MetricRow[]> {
  const key = keys.jobMetrics(jobId, series);
  const end = to === undefined ? "+" : String(to);
  const ask = (start: string) => redis.xrange(key, start, end, "COUNT", rowsAtOnce);
  let entries = await ask(from === undefined ? "-" : String(from));
  while (entries.length > 0) {
    const newest = entries.at(-1);
    const next = newest && entries.length === rowsAtOnce ? ask(`(${newest[0]}`) : null;
    // Whoever stops reading here waits for it no longer.
    next?.catch(() => undefined);
    yield JSON.parse(`[${entries.map(([, fields]) => fields[1] ?? "null").join(",")}]`) as MetricRow[];
    entries = (await next) ?? [];
  }
}

/** The same rows all at once, each held to what a row is. */
export async function readMetrics(
  redis: Redis,
  jobId: string,
  series: MetricSeries,
  steps: Steps = {},
): Promise<MetricRow[]> {
  const rows: MetricRow[] = [];
  for await (const page of metricPages(redis, jobId, series, steps))
    for (const row of page) rows.push(metricRow.parse(row));
  return rows;
}

/** Rows of what was inside, in order of steps or the other way round, from after a step. */
export async function readInside(
  redis: Redis,
  jobId: string,
  { after, limit, order }: { after?: number | undefined; limit?: number; order: "asc" | "desc" },
): Promise<InsideRow[]> {
  const key = keys.jobMetrics(jobId, "inside");
  const most = limit ?? 1_000_000;
  const from = after === undefined ? null : `(${after}-0`;
  const entries =
    order === "asc"
      ? await redis.xrange(key, from ?? "-", "+", "COUNT", most)
      : await redis.xrevrange(key, from ?? "+", "-", "COUNT", most);
  return entries.map(([, fields]) => insideRow.parse(JSON.parse(fields[1] ?? "null")));
}
