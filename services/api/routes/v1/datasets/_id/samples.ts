/** What a dataset looks like: rows of pixels, single pictures, a contact sheet. */
import { split, type Split } from "../../../../../../schemas/dataset.ts";
import { idParams } from "../../../../../../schemas/query.ts";
import {
  samplePage,
  samplePictureParams,
  samplePictureQuery,
  sampleSheetQuery,
  samplesQuery,
} from "../../../../../../schemas/sample.ts";
import { sizeOf } from "../../../../../../schemas/shape.ts";
import { SampleReader } from "../../../../datasets/sample-reader.ts";
import { within, type Dependencies, type Within } from "../../../../dependencies.ts";
import { pngAnswer } from "../../../../http/binary.ts";
import { findReadyDataset } from "../../../../../shared/find.ts";
import { notFound } from "../../../../http/problem.ts";
import { drawSheet, mostSheetPixels } from "../../../../http/sheet.ts";
import { sendJson } from "../../../../http/slices.ts";
import type { App } from "../../../../http/types.ts";

/** Numbers of the pixels of one answer. */
const mostNumbers = 4_000_000;
const forever = "public, max-age=31536000, immutable";

const readerOf = async ({ records, storage }: Within, id: string, of: Split): Promise<SampleReader> =>
  new SampleReader({ dataset: await findReadyDataset(records, id), split: of, storage });

function rowsRoute(app: App, dependencies: Dependencies): void {
  app.get(
    "/v1/datasets/:id/samples",
    {
      schema: {
        tags: ["datasets"],
        summary: "Samples as rows of pixels, in C,H,W order and the dataset's own range",
        params: idParams,
        querystring: samplesQuery,
        response: { 200: samplePage },
      },
    },
    async (request, reply) => {
      const { split: of, label, limit, after } = request.query;
      const reader = await readerOf(within(dependencies, request), request.params.id, of);
      const most = Math.max(1, Math.min(limit, Math.floor(mostNumbers / sizeOf(reader.dataset.shape))));
      const found = await reader.indices({
        label: label === undefined ? null : reader.classOf(label),
        from: after === undefined ? 0 : after + 1,
        most: most + 1,
      });
      const labels = await reader.labels();
      const shown = found.slice(0, most);
      const data = await reader.samples(shown, (pixels, index) => ({ index, label: labels[index], pixels }));
      const hasMore = found.length > most;
      const page = { data, hasMore, nextAfter: hasMore ? String(shown.at(-1)) : null };
      return sendJson(reply, page, shown.length * sizeOf(reader.dataset.shape));
    },
  );
}

function pictureRoute(app: App, dependencies: Dependencies): void {
  app.get(
    "/v1/datasets/:id/samples/:split/:index(^\\d{1,9}).png",
    {
      schema: {
        tags: ["datasets"],
        summary: "One sample as a picture",
        params: samplePictureParams,
        querystring: samplePictureQuery,
        response: { 200: pngAnswer("the sample") },
      },
    },
    async (request, reply) => {
      const of = split.safeParse(request.params.split);
      if (!of.success)
        throw notFound(
          `there is no split '${request.params.split.slice(0, 60)}'; splits are train, validation and test`,
        );
      const reader = await readerOf(within(dependencies, request), request.params.id, of.data);
      const index = Number(request.params.index);
      if (index >= reader.count)
        throw notFound(`there is no sample ${index} in the ${of.data} split: it has ${reader.count}, counted from 0`);
      const { height, width } = reader.dataset.shape;
      const png = await drawSheet({
        tiles: [{ pixels: reader.shades(await reader.sample(index)) }],
        channels: reader.channels,
        height,
        width,
        columns: 1,
        scale: request.query.scale,
      });
      // What an alias names may be another dataset tomorrow.
      if (request.params.id === reader.dataset.id) reply.header("cache-control", forever);
      return reply.type("image/png").header("etag", `"${reader.dataset.revision}-${of.data}-${index}"`).send(png);
    },
  );
}

function sheetRoute(app: App, dependencies: Dependencies): void {
  app.get(
    "/v1/datasets/:id/samples.png",
    {
      schema: {
        tags: ["datasets"],
        summary: "A contact sheet",
        params: idParams,
        querystring: sampleSheetQuery,
        response: { 200: pngAnswer("samples in rows, the first at the top left") },
      },
    },
    async (request, reply) => {
      const { split: of, label, limit, columns, scale } = request.query;
      const reader = await readerOf(within(dependencies, request), request.params.id, of);
      const { height, width } = reader.dataset.shape;
      const pixelsEach = (height + 1) * (width + 1) * scale * scale;
      const most = Math.max(1, Math.min(limit, Math.floor(mostSheetPixels / pixelsEach)));
      const indices = await reader.spread({ label: label === undefined ? null : reader.classOf(label), most });
      if (indices.length === 0) throw notFound(`there are no such samples in the ${reader.split} split`);
      const tiles = await reader.samples(indices, (sample) => ({ pixels: reader.shades(sample) }));
      const png = await drawSheet({
        tiles,
        channels: reader.channels,
        height,
        width,
        columns: Math.min(columns, tiles.length),
        scale,
      });
      return reply.type("image/png").header("x-sample-indices", indices.join(",").slice(0, 4000)).send(png);
    },
  );
}

export function sampleRoutes(app: App, dependencies: Dependencies): void {
  rowsRoute(app, dependencies);
  pictureRoute(app, dependencies);
  sheetRoute(app, dependencies);
}
