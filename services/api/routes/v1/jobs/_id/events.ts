/**
 * GET /v1/jobs/{id}/events: a page, or with Accept: text/event-stream the same sequence live, from Last-Event-ID on.
 */
import type { ServerResponse } from "node:http";
import type { FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import { eventPage, eventsQuery, type Event } from "../../../../../../schemas/event.ts";
import { isTerminal } from "../../../../../../schemas/job.ts";
import { idParams } from "../../../../../../schemas/query.ts";
import { isEventId, lastEventId, readEvents, readEventsBack } from "../../../../../shared/progress/index.ts";
import type { JobRecord } from "../../../../../shared/records/index.ts";
import type { Dependencies } from "../../../../dependencies.ts";
import { findJob } from "../../../../../shared/find.ts";
import { Problem, invalid } from "../../../../http/problem.ts";
import { isOver } from "../../../../access/keyring.ts";
import type { EventStreams, StillAllowed } from "../../../../http/streams.ts";
import type { App } from "../../../../http/types.ts";

/** Readers who stand at the same place share their events: each is written out once. */
const lines = new WeakMap<Event, string>();

function lineOf(each: Event): string {
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
    after === undefined ? "/headers/last-event-id" : "/query/after",
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

interface Opening {
  dependencies: Dependencies;
  streams: EventStreams;
  record: JobRecord;
  after: string;
  isAllowed: StillAllowed;
}

function stream(reply: FastifyReply, { dependencies, streams, record, after, isAllowed }: Opening): void {
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
  const deliver = (events: Event[]): void | Promise<void> => {
    const waiting = write(raw, events.map(lineOf).join(""));
    if (events.some((each) => each.type === "status" && each.data.terminal)) raw.end();
    return waiting;
  };
  const unsubscribe = dependencies.feed.subscribe(record.id, after, deliver, () =>
    raw.end(": the job was deleted\n\n"),
  );
  raw.on("error", () => raw.destroy());
  raw.on("close", () => {
    unsubscribe();
    close();
  });
}

export function eventRoutes(app: App, dependencies: Dependencies, streams: EventStreams): void {
  const { redis } = dependencies;
  app.get(
    "/v1/jobs/:id/events",
    {
      schema: {
        tags: ["jobs"],
        summary: "What happened to a job, in order: a page, or live as server-sent events",
        params: idParams,
        querystring: eventsQuery,
        response: {
          200: {
            description:
              "A page of events, or with Accept: text/event-stream the same sequence live, with a comment every 15 s as a heartbeat",
            content: { "application/json": { schema: eventPage }, "text/event-stream": { schema: z.string() } },
          },
          204: z.undefined().describe("the job ended and every event was seen: stop asking"),
        },
      },
    },
    async (request, reply) => {
      const record = await findJob(request.records, request.params.id);
      const after = positionOf(request, request.query.after);
      const back = request.query.order === "desc";
      if (wantsStream(request)) {
        if (back) throw invalid("/query/order", "a stream goes forwards: leave the order out, or ask for a page");
        if (streams.ending)
          throw new Problem({ code: "overloaded", detail: "this process is ending; ask again", retryAfter: 1 });
        if (isTerminal(record.status) && Number(after ?? "0") >= Number(await lastEventId(redis, record.id)))
          return reply.code(204).send();
        const { key, sessionEnds } = request.access;
        const isAllowed = async (): Promise<boolean> =>
          key === null || (!isOver(sessionEnds) && (await dependencies.keyring.isStillGood(key)));
        return stream(reply, { dependencies, streams, record, after: after ?? "0", isAllowed });
      }
      const { limit } = request.query;
      const events = back
        ? await readEventsBack(redis, record.id, { before: after, limit: limit + 1 })
        : await readEvents(redis, record.id, { after: after ?? "0", limit: limit + 1 });
      const data = events.slice(0, limit);
      const hasMore = events.length > limit;
      return reply
        .code(200)
        .type("application/json")
        .send({ data, hasMore, nextAfter: hasMore ? (data.at(-1)?.id ?? null) : null });
    },
  );
}
