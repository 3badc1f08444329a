/** What augmentation makes of samples: drawn by the code that training uses. */
import type { z } from "zod";
import { augmentation } from "../../../../../../schemas/augmentation.ts";
import { idParams } from "../../../../../../schemas/query.ts";
import { augmentationSheetQuery } from "../../../../../../schemas/sample.ts";
import { sizeOf } from "../../../../../../schemas/shape.ts";
import type { Samples } from "../../../../../prediction/index.ts";
import { drawSheet } from "../../../../http/sheet.ts";
import { pngAnswer } from "../../../../http/binary.ts";
import { SampleReader } from "../../../../datasets/sample-reader.ts";
import type { Dependencies } from "../../../../dependencies.ts";
import { findReadyDataset } from "../../../../../shared/find.ts";
import { invalid, notFound } from "../../../../http/problem.ts";
import type { App } from "../../../../http/types.ts";
import { parseOrThrow } from "../../../../../shared/parse.ts";

const mostPixels = 8_000_000;

/** The settings of a job, from a query string. */
function settingsOf({
  shift,
  rotate,
  scale,
  flip,
  elastic,
}: z.output<typeof augmentationSheetQuery>): z.output<typeof augmentation> {
  const given: Record<string, unknown> = { shift, rotate, scale, flip };
  if (elastic !== undefined && elastic !== "false") {
    try {
      given["elastic"] = elastic === "true" ? {} : JSON.parse(elastic);
    } catch {
      throw invalid("/query/elastic", 'expected true, false or JSON such as {"alpha":34,"sigma":4}');
    }
  }
  return parseOrThrow(
    augmentation,
    Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)),
    "/query",
  );
}

function join(samples: readonly Samples[], size: number, float: boolean): Samples {
  const all = float ? new Float32Array(samples.length * size) : new Uint8Array(samples.length * size);
  for (const [at, each] of samples.entries()) all.set(each, at * size);
  return all;
}

export function augmentationRoutes(app: App, { storage, prediction }: Dependencies): void {
  for (const ending of ["", ".png"]) {
    app.get(
      `/v1/datasets/:id/augmentations${ending}`,
      {
        schema: {
          tags: ["datasets"],
          summary: "A PNG: each row a sample and distorted copies of it",
          params: idParams,
          querystring: augmentationSheetQuery,
          response: { 200: pngAnswer("originals in the first column") },
        },
      },
      async (request, reply) => {
        const { limit, copies, seed, label, zoom, split } = request.query;
        const reader = new SampleReader({
          dataset: await findReadyDataset(request.records, request.params.id),
          split,
          storage,
        });
        const { shape, dtype } = reader.dataset;
        const { height, width } = shape;
        const pixels = limit * (copies + 1) * (height + 1) * (width + 1) * zoom * zoom;
        if (pixels > mostPixels)
          throw invalid(
            "/query/limit",
            `${limit} rows of ${copies + 1} samples of ${height}×${width} make a picture of more than ${mostPixels} pixels; ask for fewer`,
          );
        const indices = await reader.spread({ label: label === undefined ? null : reader.classOf(label), most: limit });
        if (indices.length === 0) throw notFound(`there are no such samples in the ${reader.split} split`);
        const originals = await reader.samples(indices, (sample) => sample);
        const size = sizeOf(shape);
        const samples = join(originals, size, dtype === "float32");
        const distorted = await prediction.augment({
          augmentation: settingsOf(request.query),
          seed,
          input: shape,
          dtype,
          samples,
          count: originals.length,
          copies,
          background: reader.dataset.statistics.minimum,
        });
        const tiles = originals.flatMap((original, row) => [
          { pixels: reader.shades(original) },
          ...Array.from({ length: copies }, (_, copy) => ({
            pixels: reader.shades(distorted.subarray((row * copies + copy) * size, (row * copies + copy + 1) * size)),
          })),
        ]);
        return reply
          .type("image/png")
          .send(await drawSheet({ tiles, channels: reader.channels, height, width, columns: copies + 1, scale: zoom }));
      },
    );
  }
}
