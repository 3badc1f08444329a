/** `jobs`, `datasets`, `models`: lists, single ones, and what can be done to them. */
import type { Client, Dataset, JobSummary, ModelSummary } from "../../client/index.ts";
import type { Command, Context, Option } from "../command.ts";
import { moment, percent, table, type Output } from "../output.ts";

export const listLimit: Option = { value: "N", help: "at most so many; 20 by default" };
const usualLimit = 20;

/** A list: the newest first, as many as were asked for. */
export async function list<Item>(
  { given, out }: Context,
  items: AsyncIterable<Item>,
  { head, row }: { head: string[]; row: (item: Item) => string[] },
): Promise<void> {
  const most = given.whole("limit", 1) ?? usualLimit;
  const found: Item[] = [];
  for await (const each of items) {
    found.push(each);
    if (found.length === most) break;
  }
  if (out.json) out.show(found);
  else if (found.length === 0) out.note("there are none yet");
  else out.say(table(head, found.map(row)));
}

/** A thing as lines of field and value; what is long stays in `--json`. */
function showFields(out: Output, value: object): void {
  if (out.json) return out.show(value);
  const lines = Object.entries(value as Record<string, unknown>).flatMap(([name, field]) => {
    if (field === null || field === undefined) return [];
    const text = typeof field === "string" ? field : JSON.stringify(field);
    return [[name, text.length > 200 ? `${text.slice(0, 199)}…` : text]];
  });
  const width = Math.max(...lines.map(([name]) => name.length));
  for (const [name, text] of lines) out.say(`${name.padEnd(width)}  ${text}`);
}

/** `GROUP VERB ID`: asks, and shows what the service answers. */
export function one(
  name: string,
  { summary, usage, options = {} }: { summary: string; usage: string; options?: Record<string, Option> },
  ask: (client: Client, id: string, context: Context) => Promise<object | void>,
): Command {
  return {
    name,
    summary,
    usage,
    takes: [1, 1],
    options,
    example: `npx feature-maps ${name} ${usage.toLowerCase()}_01J9ZQ8…`
      .replace("model_", "mdl_")
      .replace("dataset_", "ds_")
      .replace("sweep_0", "swp_0"),
    run: async (context) => {
      const { client } = await context.connect();
      const [id] = context.given.arguments;
      const answer = await ask(client, id, context);
      if (answer !== undefined) showFields(context.out, answer);
      else if (context.out.json) context.out.show({ id, deleted: true });
      else context.out.say(`${id} is deleted`);
    },
  };
}

const jobTable = {
  head: ["JOB", "STATUS", "DONE", "ACCURACY", "NAME", "CREATED"],
  row: ({ id, status, progress, result, name, createdAt }: JobSummary) => [
    id,
    status,
    percent(progress?.fraction ?? 0, 0),
    percent(result?.test?.accuracy ?? result?.validation?.accuracy ?? progress?.validation?.accuracy),
    name ?? "",
    moment(createdAt),
  ],
};

const datasetTable = {
  head: ["DATASET", "STATUS", "NAME", "CLASSES", "TRAIN", "TEST", "SHAPE"],
  row: ({ id, alias, status, name, classes, splits, shape }: Dataset) => [
    alias ?? id,
    status,
    name,
    String(classes.length),
    splits.train.toLocaleString("en"),
    splits.test.toLocaleString("en"),
    shape === null ? "" : `${shape.channels}×${shape.height}×${shape.width}`,
  ],
};

const modelTable = {
  head: ["MODEL", "ALIAS", "ACCURACY", "PARAMETERS", "NAME", "CREATED"],
  row: ({ id, alias, evaluation, parameters, name, createdAt }: ModelSummary) => [
    id,
    alias ?? "",
    percent(evaluation?.accuracy),
    parameters.toLocaleString("en"),
    name,
    moment(createdAt),
  ],
};

const status: Option = {
  value: "STATUS",
  help: "only those",
  choices: ["queued", "running", "paused", "cancelled", "succeeded", "failed"],
};

export const jobCommands: readonly Command[] = [
  {
    name: "jobs",
    summary: "list jobs; also show, cancel, pause, resume, reproduce, delete",
    usage: "",
    takes: [0, 0],
    options: { limit: listLimit, status },
    example: "npx feature-maps jobs --status running",
    run: async (context) => {
      const { client } = await context.connect();
      const wanted = context.given.text("status") as JobSummary["status"] | undefined;
      await list(context, client.jobs.all({ status: wanted }), jobTable);
    },
  },
  one("jobs show", { summary: "one job", usage: "JOB" }, (client, id) => client.jobs.get(id)),
  one("jobs cancel", { summary: "end it; its checkpoints stay", usage: "JOB" }, (client, id) => client.jobs.cancel(id)),
  one("jobs pause", { summary: "give its place to others", usage: "JOB" }, (client, id) => client.jobs.pause(id)),
  one("jobs resume", { summary: "go on where it was paused", usage: "JOB" }, (client, id) => client.jobs.resume(id)),
  one("jobs reproduce", { summary: "train it again and compare the bits", usage: "JOB" }, (client, id) =>
    client.jobs.reproduce(id),
  ),
  one(
    "jobs delete",
    { summary: "one that has ended", usage: "JOB", options: { models: { help: "its model too" } } },
    (client, id, { given }) => client.jobs.delete(id, { models: given.is("models") }),
  ),
];

export const datasetCommands: readonly Command[] = [
  {
    name: "datasets",
    summary: "list datasets; also show, upload, delete",
    usage: "",
    takes: [0, 0],
    options: { limit: listLimit },
    example: "npx feature-maps datasets",
    run: async (context) => {
      const { client } = await context.connect();
      await list(context, client.datasets.all(), datasetTable);
    },
  },
  one("datasets show", { summary: "one dataset", usage: "DATASET" }, (client, id) => client.datasets.get(id)),
  one(
    "datasets delete",
    {
      summary: "one that nothing needs",
      usage: "DATASET",
      options: { cascade: { help: "its jobs and models too" } },
    },
    (client, id, { given }) => client.datasets.delete(id, { cascade: given.is("cascade") }),
  ),
];

export const modelCommands: readonly Command[] = [
  {
    name: "models",
    summary: "list models; also show, export, delete",
    usage: "",
    takes: [0, 0],
    options: { limit: listLimit },
    example: "npx feature-maps models",
    run: async (context) => {
      const { client } = await context.connect();
      await list(context, client.models.all(), modelTable);
    },
  },
  one("models show", { summary: "one model", usage: "MODEL" }, (client, id) => client.models.get(id)),
  one("models delete", { summary: "one model", usage: "MODEL" }, (client, id) => client.models.delete(id)),
];
