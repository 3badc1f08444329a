/** `sweep`: many trainings of one request, and the best of them. */
import type { Sweep, SweepEvent, SweepPage, SweepRequest } from "../../client/index.ts";
import type { Command } from "../command.ts";
import { exitCodes, Failure, unusable } from "../failures.ts";
import { moment, percent, table, type Output } from "../output.ts";
import { findDataset, sourceOf, upload, uploadOptions } from "../sources.ts";
import { comeBack, type Watching } from "../watching.ts";
import { list, listLimit, one } from "./lists.ts";
import { requestFor, trainingOptions } from "./train.ts";

const value = (sweep: Sweep, figure: number): string =>
  sweep.request.objective.metric === "accuracy" ? percent(figure, 2) : figure.toPrecision(4);

const parametersOf = (parameters: Record<string, unknown>): string =>
  Object.entries(parameters)
    .map(([pointer, each]) => `${pointer}=${JSON.stringify(each)}`)
    .join(" ");

function progress(out: Output): (event: SweepEvent) => void {
  return (event) => {
    if (event.type === "status") out.note(event.data.status);
    if (event.type === "warning") out.note(`warning: ${event.data.detail}`);
    if (event.type === "best")
      out.note(
        `best so far: trial ${event.data.trial}, ${event.data.value.toPrecision(4)}  ${parametersOf(event.data.parameters)}`,
      );
    if (event.type === "trial" && ["succeeded", "failed"].includes(event.data.status))
      out.note(
        `trial ${event.data.trial} ${event.data.status}${event.data.value === null ? "" : `: ${event.data.value.toPrecision(4)}`}`,
      );
  };
}

export async function watchSweep({ client, out, signal }: Watching, id: string): Promise<void> {
  const sweep = await client.sweeps.wait(id, { signal, onEvent: progress(out) }).catch((error: unknown) => {
    if (!signal.aborted) throw error;
    throw comeBack(out, id, `npx feature-maps sweep cancel ${id}`);
  });
  if (out.json) out.show(sweep);
  if (sweep.status === "cancelled") throw new Failure(exitCodes.cancelled, `${id} was cancelled`);
  if (sweep.status === "failed") throw new Failure(exitCodes.failed, `${id} failed: ${sweep.error?.detail ?? ""}`);
  if (out.json) return;
  const { data } = await client.sweeps.trials(id, { sort: "value", limit: 10 });
  out.say(
    table(
      ["TRIAL", "VALUE", "EPOCHS", "JOB", "PARAMETERS"],
      data.map((each) => [
        String(each.trial),
        each.value === null ? "–" : value(sweep, each.value),
        String(each.epochs),
        each.job ?? "",
        parametersOf(each.parameters),
      ]),
    ),
  );
  if (sweep.best?.model) out.say(`model ${sweep.best.model}`);
}

/** `/batchSize=32,64` or `/optimiser/learningRate=log:0.001,0.3`. */
function dimensionOf(text: string): [string, unknown] {
  const [, pointer, kind, values] = /^(\/[^=]+)=(?:(log|uniform|integers):)?(.+)$/.exec(text) ?? [];
  if (pointer === undefined || values === undefined)
    throw unusable(`--space: expected /batchSize=32,64 or /optimiser/learningRate=log:0.001,0.3, found '${text}'`);
  const list = values.split(",").map((each) => {
    try {
      return JSON.parse(each) as unknown;
    } catch {
      return each;
    }
  });
  return [pointer, { [kind ?? "choices"]: list }];
}

const sweepCommand: Command = {
  name: "sweep",
  summary: "try many settings, keep the best; also list, show, cancel, …",
  usage: "FOLDER|FILE|DATASET",
  takes: [1, 1],
  files: true,
  options: {
    ...trainingOptions,
    ...uploadOptions,
    space: { value: "POINTER=VALUES", multiple: true, help: "what to try; by default chosen" },
    trials: { value: "N", help: "how many, drawn at random" },
    seconds: { value: "N", help: "time it may take" },
    parallel: { value: "N", help: "at once; 4 by default" },
    "no-wait": { help: "print the sweep's id and go" },
  },
  example: "npx feature-maps sweep mnist --space /batchSize=32,64 --seconds 600",
  run: async ({ given, out, signal, connect }) => {
    const source = await sourceOf(given.arguments[0], given);
    const space = given.texts("space").map(dimensionOf);
    const [trials, seconds, parallel] = [given.whole("trials", 1), given.number("seconds"), given.whole("parallel", 1)];
    const { client } = await connect({ start: true });
    const watching = { client, out, signal };
    const dataset =
      source.kind === "upload"
        ? (await upload(watching, source.upload)).id
        : (await findDataset(client, source.reference)).id;
    const request = {
      base: await requestFor(client, dataset, given),
      space: space.length === 0 ? "auto" : Object.fromEntries(space),
      ...(trials === undefined ? {} : { search: { kind: "random", trials } }),
      ...(seconds === undefined ? {} : { stopWhen: { maxSeconds: seconds } }),
      ...(parallel === undefined ? {} : { parallel }),
    } as SweepRequest;
    const sweep = await client.sweeps.create(request, { signal }).catch(async (error: unknown) => {
      if (source.kind === "upload") await client.datasets.delete(dataset).catch(() => undefined);
      throw error;
    });
    const waits = sweep.dataset.revision === null;
    out.note(`${sweep.id}: ${waits ? "waits for its dataset" : `${sweep.trials.total} trials`}`);
    if (!given.is("no-wait")) return watchSweep(watching, sweep.id);
    if (out.json) out.show(sweep);
    else out.say(sweep.id);
  },
};

type SweepSummary = SweepPage["data"][number];

const sweepTable = {
  head: ["SWEEP", "STATUS", "TRIALS", "BEST", "NAME", "CREATED"],
  row: (sweep: SweepSummary) => [
    sweep.id,
    sweep.status,
    `${sweep.trials.succeeded + sweep.trials.stopped + sweep.trials.failed}/${sweep.trials.total}`,
    sweep.best === null ? "–" : sweep.best.value.toPrecision(4),
    sweep.name ?? "",
    moment(sweep.createdAt),
  ],
};

export const sweepCommands: readonly Command[] = [
  sweepCommand,
  {
    name: "sweep list",
    summary: "list sweeps",
    usage: "",
    takes: [0, 0],
    options: { limit: listLimit },
    example: "npx feature-maps sweep list",
    run: async (context) => {
      const { client } = await context.connect();
      await list(context, client.sweeps.all(), sweepTable);
    },
  },
  one("sweep show", { summary: "one sweep", usage: "SWEEP" }, (client, id) => client.sweeps.get(id)),
  one("sweep cancel", { summary: "end it and its jobs", usage: "SWEEP" }, (client, id) => client.sweeps.cancel(id)),
  one("sweep pause", { summary: "give its places to others", usage: "SWEEP" }, (client, id) => client.sweeps.pause(id)),
  one("sweep resume", { summary: "go on where it was paused", usage: "SWEEP" }, (client, id) =>
    client.sweeps.resume(id),
  ),
  one("sweep delete", { summary: "one that has ended", usage: "SWEEP" }, (client, id) => client.sweeps.delete(id)),
];
