/**
 * The events of a job or a sweep: a page, or with Accept: text/event-stream the same sequence live, from Last-Event-ID
 * on.
 */
import type { ServerResponse } from "node:http";
import type { FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import type { eventsQuery } from "../../../schemas/event.ts";
import {
  isEventId,
  lastEventId,
  readEvents,
  readEventsBack,
  type EventFeed,
  type Sequence,
} from "../../shared/progress/index.ts";
import type { Redis } from "../../shared/redis.ts";
import { Problem, invalid } from "./problem.ts";
import type { EventStreams, StillAllowed } from "./streams.ts";

interface AnyEvent {
  id: string;
  type: string;
  data: object;
}

/** Readers who stand at the same place share their events: each is written out once. */
const lines = new WeakMap<AnyEvent, string>();

function lineOf(each: AnyEvent): string {
  const known = lines.get(each);
  if (known !== undefined) return known;
  const line = `id: ${each.id}\nevent: ${each.type}\ndata: ${JSON.stringify(each)}\n\n`;
  lines.set(each, line);
  return line;
}

function positionOf(request: FastifyRequest, after: string | undefined): string | null {
  const given = request.headers["last-event-id"] ?? after;
  if (given === undefined || given === "") return null;
  if (typeof given === "string" && isEventId(given)) return given;
  throw invalid(
    request.headers["last-event-id"] === undefined ? "/query/after" : "/headers/last-event-id",
    "expected the id of an event, a whole number",
  );
}

const wantsStream = (request: FastifyRequest): boolean =>
  request.method === "GET" && (request.headers.accept ?? "").includes("text/event-stream");

/** Writes and, where the reader is slow, waits until it has taken what it was given. */
function write(to: ServerResponse, text: string): void | Promise<void> {
  if (to.write(text) || to.destroyed) return undefined;
  return new Promise((resolve) => {
    const done = (): void => {
      to.off("drain", done).off("close", done);
      resolve();
    };
    to.on("drain", done).on("close", done);
  });
}

export interface EventSource<Each extends AnyEvent> {
  redis: Redis;
  sequence: Sequence<Each>;
  feed: EventFeed<Each>;
  streams: EventStreams;
  isAllowed: StillAllowed;
}

interface Opening<Each extends AnyEvent> extends EventSource<Each> {
  id: string;
  after: string;
}

const isLast = ({ type, data }: AnyEvent): boolean => type === "status" && "terminal" in data && data.terminal === true;

function stream<Each extends AnyEvent>(
  reply: FastifyReply,
  { feed, streams, isAllowed, id, after }: Opening<Each>,
): void {
  reply.hijack();
  const { raw } = reply;
  raw.writeHead(200, {
    ...(reply.getHeaders() as Record<string, string>),
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-store",
    "x-accel-buffering": "no",
  });
  raw.write("retry: 1000\n\n");
  const close = streams.add(raw, isAllowed);
  const deliver = (events: Each[]): void | Promise<void> => {
    const waiting = write(raw, events.map(lineOf).join(""));
    if (events.some(isLast)) raw.end();
    return waiting;
  };
  const unsubscribe = feed.subscribe(id, after, deliver, () => raw.end(": it was deleted\n\n"));
  raw.on("error", () => raw.destroy());
  raw.on("close", () => {
    unsubscribe();
    close();
  });
}

/** What the route of events answers, in the document. */
export const eventsAnswer = (page: z.ZodType, what: string) => ({
  200: {
    description:
      "A page of events, or with Accept: text/event-stream the same sequence live, with a comment every 15 s as a heartbeat",
    content: { "application/json": { schema: page }, "text/event-stream": { schema: z.string() } },
  },
  204: z.undefined().describe(`the ${what} ended and every event was seen: stop asking`),
});

/** `terminal`: nothing will come any more. */
export async function sendEvents<Each extends AnyEvent>(
  request: FastifyRequest,
  reply: FastifyReply,
  {
    query,
    id,
    terminal,
    ...source
  }: EventSource<Each> & { query: z.output<typeof eventsQuery>; id: string; terminal: boolean },
): Promise<FastifyReply | undefined> {
  const { redis, sequence, streams } = source;
  const after = positionOf(request, query.after);
  const back = query.order === "desc";
  if (wantsStream(request)) {
    if (back) throw invalid("/query/order", "a stream goes forwards: leave the order out, or ask for a page");
    if (streams.ending)
      throw new Problem({ code: "overloaded", detail: "this process is ending; ask again", retryAfter: 1 });
    if (terminal && Number(after ?? "0") >= Number(await lastEventId(redis, sequence, id)))
      return reply.code(204).send();
    stream(reply, { ...source, id, after: after ?? "0" });
    return undefined;
  }
  const { limit } = query;
  const events = back
    ? await readEventsBack(redis, sequence, id, { before: after, limit: limit + 1 })
    : await readEvents(redis, sequence, id, { after: after ?? "0", limit: limit + 1 });
  const data = events.slice(0, limit);
  const hasMore = events.length > limit;
  return reply
    .code(200)
    .type("application/json")
    .send({ data, hasMore, nextAfter: hasMore ? (data.at(-1)?.id ?? null) : null });
}
