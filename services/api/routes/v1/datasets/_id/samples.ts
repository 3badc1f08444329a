/** What a dataset looks like: rows of pixels, single pictures, a contact sheet. */
import { z } from "zod";
import { sample, split } from "../../../../../../schemas/dataset.ts";
import { sizeOf } from "../../../../../../schemas/shape.ts";
import { encodeSheet } from "../../../../../prediction/index.ts";
import { pngAnswer } from "../../../../http/binary.ts";
import { SampleReader } from "../../../../datasets/sample-reader.ts";
import type { Dependencies } from "../../../../dependencies.ts";
import { findReadyDataset } from "../../../../../shared/find.ts";
import { idParams, pageOf, queryInteger } from "../../../../http/paging.ts";
import { notFound } from "../../../../http/problem.ts";
import type { App } from "../../../../http/types.ts";

const label = z.string().max(100).optional().describe("a class, by name or index");
const filter = { split: split.optional().describe("train by default"), label };
const rowsQuery = z.strictObject({
  ...filter,
  limit: queryInteger(1, 1000).optional().describe("rows of a page; 20 by default"),
  after: queryInteger(0, 1_000_000_000).optional().describe("nextAfter of the page before"),
});
const sheetQuery = z.strictObject({
  ...filter,
  limit: queryInteger(1, 1000).optional().describe("samples on the sheet, spread over the split; 100 by default"),
  columns: queryInteger(1, 100).optional().describe("10 by default"),
  scale: queryInteger(1, 16).optional().describe("side in pixels of one pixel of a sample"),
});
const pictureParams = z.strictObject({ id: z.string(), split: z.string(), index: z.string() });
const pictureQuery = z.strictObject({ scale: queryInteger(1, 16).optional() });

const usualRows = 20;
const usualTiles = 100;
const usualColumns = 10;
const mostNumbers = 4_000_000;
const mostSheetPixels = 16_000_000;
const forever = "public, max-age=31536000, immutable";

export function sampleRoutes(app: App, { records, storage }: Dependencies): void {
  const readerOf = async (id: string, of: z.output<typeof split> = "train"): Promise<SampleReader> =>
    new SampleReader({ dataset: await findReadyDataset(records, id), split: of, storage });

  app.get(
    "/v1/datasets/:id/samples",
    {
      schema: {
        tags: ["datasets"],
        summary: "Samples as rows of pixels, in C,H,W order and the dataset's own range",
        params: idParams,
        querystring: rowsQuery,
        response: { 200: pageOf(sample) },
      },
    },
    async (request) => {
      const { split: of, label: wanted, limit = usualRows, after } = request.query;
      const reader = await readerOf(request.params.id, of);
      const most = Math.max(1, Math.min(limit, Math.floor(mostNumbers / sizeOf(reader.dataset.shape))));
      const found = await reader.indices({
        label: wanted === undefined ? null : reader.classOf(wanted),
        from: after === undefined ? 0 : after + 1,
        most: most + 1,
      });
      const labels = await reader.labels();
      const shown = found.slice(0, most);
      const data = await Promise.all(
        shown.map(async (index) => ({ index, label: labels[index] ?? 0, pixels: [...(await reader.sample(index))] })),
      );
      const hasMore = found.length > most;
      return { data, hasMore, nextAfter: hasMore ? String(shown.at(-1)) : null };
    },
  );

  app.get(
    "/v1/datasets/:id/samples/:split/:index(^\\d{1,9}).png",
    {
      schema: {
        tags: ["datasets"],
        summary: "One sample as a picture",
        params: pictureParams,
        querystring: pictureQuery,
        response: { 200: pngAnswer("the sample") },
      },
    },
    async (request, reply) => {
      const of = split.safeParse(request.params.split);
      if (!of.success)
        throw notFound(
          `there is no split '${request.params.split.slice(0, 60)}'; splits are train, validation and test`,
        );
      const reader = await readerOf(request.params.id, of.data);
      const index = Number(request.params.index);
      if (index >= reader.count)
        throw notFound(`there is no sample ${index} in the ${of.data} split: it has ${reader.count}, counted from 0`);
      const { height, width } = reader.dataset.shape;
      const png = await encodeSheet({
        tiles: [{ pixels: reader.shades(await reader.sample(index)) }],
        channels: reader.channels,
        height,
        width,
        columns: 1,
        scale: request.query.scale ?? 1,
      });
      return reply
        .type("image/png")
        .header("cache-control", forever)
        .header("etag", `"${reader.dataset.revision}-${of.data}-${index}"`)
        .send(png);
    },
  );

  app.get(
    "/v1/datasets/:id/samples.png",
    {
      schema: {
        tags: ["datasets"],
        summary: "A contact sheet",
        params: idParams,
        querystring: sheetQuery,
        response: { 200: pngAnswer("samples in rows, the first at the top left") },
      },
    },
    async (request, reply) => {
      const { split: of, label: wanted, limit = usualTiles, columns = usualColumns, scale = 1 } = request.query;
      const reader = await readerOf(request.params.id, of);
      const { height, width } = reader.dataset.shape;
      const most = Math.max(
        1,
        Math.min(limit, Math.floor(mostSheetPixels / ((height + 1) * (width + 1) * scale * scale))),
      );
      const indices = await reader.spread({ label: wanted === undefined ? null : reader.classOf(wanted), most });
      if (indices.length === 0) throw notFound(`there are no such samples in the ${reader.split} split`);
      const tiles = await Promise.all(
        indices.map(async (index) => ({ pixels: reader.shades(await reader.sample(index)) })),
      );
      const png = await encodeSheet({
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
