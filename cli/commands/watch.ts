/** `watch` and `logs`: what happens to a job. */
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import type { Client, Event } from "../../client/index.ts";
import type { Command } from "../command.ts";
import { exitCodes, Failure, unusable } from "../failures.ts";
import { statusLine } from "../live.ts";
import { percent } from "../output.ts";
import { logFile } from "../service.ts";
import { demandSuccess, tellResult, watchJob } from "../watching.ts";
import { watchSweep } from "./sweep.ts";

/** The newest job that has not ended. */
async function newest(client: Client): Promise<string> {
  for await (const job of client.jobs.all()) if (!job.terminal) return job.id;
  throw new Failure(exitCodes.refused, "no job is running or queued: name one (npx feature-maps jobs)");
}

export const watchCommand: Command = {
  name: "watch",
  summary: "follow a job or a sweep to its end",
  usage: "[JOB|SWEEP]",
  takes: [0, 1],
  options: {},
  example: "npx feature-maps watch",
  notes: ["Without an id: the newest job that has not ended. Ctrl-C leaves it running."],
  run: async ({ given, out, signal, connect }) => {
    const { client } = await connect();
    const id = given.arguments[0] ?? (await newest(client));
    if (id.startsWith("swp_")) return watchSweep({ client, out, signal }, id);
    const job = await watchJob({ client, out, signal }, id);
    if (out.json) out.show(job);
    demandSuccess(job);
    if (!out.json) tellResult(out, job);
  },
};

/** What happened, in words. */
function told(event: Event): string {
  switch (event.type) {
    case "status":
      return statusLine(event);
    case "epoch":
      return `epoch ${event.data.epoch}  loss ${event.data.loss?.toPrecision(3) ?? "–"}  accuracy ${percent(event.data.accuracy)}`;
    case "checkpoint":
      return `checkpoint of epoch ${event.data.epoch}${event.data.best ? ", the best so far" : ""}`;
    case "warning":
      return `warning: ${event.data.detail}`;
    case "attempt":
      return event.data.endedAt === null
        ? `worker ${event.data.worker} begins`
        : `worker ${event.data.worker} ends: ${event.data.reason ?? ""}`;
    case "model":
      return `model ${event.data.model}`;
    case "progress":
      return `${percent(event.data.fraction, 0)}  loss ${event.data.loss?.toPrecision(3) ?? "–"}`;
  }
}

async function* past(client: Client, id: string): AsyncGenerator<Event, void, undefined> {
  for (let after: string | undefined; ;) {
    const page = await client.jobs.eventPage(id, { limit: 1000, after });
    yield* page.data;
    if (!page.hasMore || page.nextAfter === null) return;
    after = page.nextAfter;
  }
}

export const logsCommand: Command = {
  name: "logs",
  summary: "what happened to a job; without one, the service's log",
  usage: "[JOB]",
  takes: [0, 1],
  options: {
    follow: { short: "f", help: "go on until the job has ended" },
    all: { help: "progress too" },
  },
  example: "npx feature-maps logs job_01J9ZQ8… --follow",
  run: async ({ given, out, signal, connect }) => {
    const [id] = given.arguments;
    if (id === undefined) {
      if ((await stat(logFile()).catch(() => null)) === null)
        throw unusable("no service was started in the background here: name a job (npx feature-maps jobs)");
      for await (const chunk of createReadStream(logFile(), "utf8")) out.say(String(chunk).trimEnd());
      return;
    }
    const { client } = await connect();
    const events = given.is("follow") ? client.jobs.events(id, { signal }) : past(client, id);
    for await (const event of events) {
      if (event.type === "progress" && !given.is("all")) continue;
      if (out.json) out.show(event);
      else out.say(`${event.at.slice(11, 19)}  ${told(event)}`);
    }
  },
};
