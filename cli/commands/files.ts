/** `datasets upload`, `models export`, `predict`: files in and out. */
import { randomUUID } from "node:crypto";
import { open, readFile, rename, rm } from "node:fs/promises";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { Problem, type Client, type ExportFormat, type PredictionAnswer } from "../../client/index.ts";
import type { Command } from "../command.ts";
import { unusable } from "../failures.ts";
import { percent, size, table } from "../output.ts";
import { sourceOf, upload, uploadOptions } from "../sources.ts";

export const uploadCommand: Command = {
  name: "datasets upload",
  summary: "a folder or a file becomes a dataset",
  usage: "FOLDER|FILE",
  takes: [1, 1],
  files: true,
  options: uploadOptions,
  example: "npx feature-maps datasets upload ./pets --size 32 --test 0.2",
  run: async ({ given, out, signal, connect }) => {
    const source = await sourceOf(given.arguments[0], given);
    if (source.kind === "dataset") throw unusable(`there is no folder and no file ${source.reference}`);
    const { client } = await connect({ start: true });
    const dataset = await upload({ client, out, signal }, source.upload);
    if (out.json) out.show(dataset);
    else
      out.say(
        `dataset ${dataset.id}: ${dataset.splits.train.toLocaleString("en")} to learn from, ${dataset.splits.test.toLocaleString("en")} to be tested on`,
      );
  },
};

const formats: Readonly<Record<ExportFormat, string>> = {
  bundle: "zip",
  onnx: "onnx",
  safetensors: "safetensors",
  web: "html",
};
const isFormat = (text: string): text is ExportFormat => text in formats;

/** Whole or not at all: under a name of its own until it is there, whatever an earlier command left or another writes. */
async function save(response: Response, path: string): Promise<number> {
  if (response.body === null) throw new Error("the answer has no body");
  const partial = `${path}.${randomUUID().slice(0, 8)}.partial`;
  const file = await open(partial, "wx").catch((error: unknown) => {
    throw unusable(`${path} cannot be written: ${(error as Error).message}`);
  });
  try {
    const body = Readable.fromWeb(response.body);
    await pipeline(body, file.createWriteStream());
    await rename(partial, path);
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
  return Number(response.headers.get("content-length") ?? 0);
}

export const exportCommand: Command = {
  name: "models export",
  summary: "the model as a file, for elsewhere",
  usage: "MODEL FORMAT",
  takes: [2, 2],
  options: { output: { value: "FILE", short: "o", help: "by default MODEL.zip, .onnx, …" } },
  example: "npx feature-maps models export mdl_01J9ZQ8… bundle",
  notes: ["FORMAT: bundle (all you need, a ZIP), onnx, safetensors, web (one HTML file)."],
  run: async ({ given, out, signal, connect }) => {
    const [id, format] = given.arguments;
    if (!isFormat(format))
      throw unusable(`expected one of ${Object.keys(formats).join(", ")} as FORMAT, found '${format}'`);
    const { client } = await connect();
    const path = given.text("output") ?? `${id.replaceAll("@", "-")}.${formats[format]}`;
    const bytes = await save(await client.models.export(id, format, { signal }), path);
    if (out.json) out.show({ model: id, format, file: path });
    else out.say(`${path}${bytes > 0 ? `, ${size(bytes)}` : ""}`);
  },
};

/** A model by id or alias, or the newest checkpoint of a job. */
const ask = (client: Client, id: string, picture: Blob, topK: number | undefined): Promise<PredictionAnswer> =>
  id.startsWith("job_") ? client.jobs.predict(id, picture, { topK }) : client.models.predict(id, picture, { topK });

export const predictCommand: Command = {
  name: "predict",
  summary: "what a model sees in pictures",
  usage: "MODEL PICTURE…",
  takes: [2, Infinity],
  files: true,
  options: { top: { value: "N", help: "the N likeliest classes of each" } },
  example: "npx feature-maps predict digits@production seven.png",
  notes: ["MODEL: an id or alias, or a job, also while it trains."],
  run: async ({ given, out, connect }) => {
    const [model, ...paths] = given.arguments;
    const topK = given.whole("top", 1);
    const pictures = await Promise.all(
      paths.map(async (path) => {
        const bytes = await readFile(path).catch((error: unknown) => {
          const { code, message } = error as NodeJS.ErrnoException;
          throw unusable(code === "ENOENT" ? `there is no file ${path}` : message);
        });
        // Of whatever kind: it says that these are no raw pixels, so a file that is no picture is called one.
        return { path, picture: new Blob([bytes], { type: "image/png" }) };
      }),
    );
    const { client } = await connect();
    const rows: { file: string; answer: PredictionAnswer["predictions"][number] }[] = [];
    for (const { path, picture } of pictures) {
      const answer = await ask(client, model, picture, topK).catch((error: unknown) => {
        if (error instanceof Problem && error.code === "invalid-data") throw unusable(`${path}: ${error.message}`);
        throw error;
      });
      rows.push(...answer.predictions.map((each) => ({ file: path, answer: each })));
    }
    if (out.json) return out.show(rows.map(({ file, answer }) => ({ file, ...answer })));
    const wanted = topK ?? 1;
    const lines = rows.flatMap(({ file, answer }) =>
      answer.topK
        .slice(0, wanted)
        .map(({ name, probability }, at) => [at === 0 ? file : "", name, percent(probability)]),
    );
    out.say(table(["PICTURE", "CLASS", "CONFIDENCE"], lines));
  },
};
