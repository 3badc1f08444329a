/** POST and GET /v1/datasets. */
import { z } from "zod";
import { dataset, uploadSettings } from "../../../../../schemas/dataset.ts";
import { presentDataset } from "../../../../shared/records/index.ts";
import { Reception } from "../../../datasets/receive.ts";
import type { Dependencies } from "../../../dependencies.ts";
import { pageOf, pageQuery, pageRequest } from "../../../http/paging.ts";
import type { App } from "../../../http/types.ts";
import { bodyUnchecked } from "../../../http/validation.ts";

const file = z.string().meta({ format: "binary" });
/** For the document alone: the body is read part by part. */
const form = uploadSettings.partial().extend({
  file: file.optional().describe("ZIP or TAR of pictures in one folder per class, NPZ, CSV or JSON lines"),
  images: file.optional().describe("IDX, with labels"),
  labels: file.optional(),
  testImages: file.optional(),
  testLabels: file.optional(),
});

export function datasetsRoutes(app: App, dependencies: Dependencies): void {
  app.post(
    "/v1/datasets",
    {
      schema: {
        tags: ["datasets"],
        summary: "Upload labelled images; they are checked in the background",
        consumes: ["multipart/form-data"],
        body: { content: { "multipart/form-data": { schema: form } } },
        response: { 202: dataset },
      },
      validatorCompiler: bodyUnchecked,
    },
    async (request, reply) => {
      const record = await new Reception(dependencies, request).run();
      return reply.code(202).header("location", `/v1/datasets/${record.id}`).send(presentDataset(record));
    },
  );

  app.get(
    "/v1/datasets",
    {
      schema: {
        tags: ["datasets"],
        summary: "All datasets, newest first",
        querystring: pageQuery,
        response: { 200: pageOf(dataset) },
      },
    },
    async (request) => {
      const page = await dependencies.records.datasets.list(pageRequest(request.query));
      return { ...page, data: page.data.map(presentDataset) };
    },
  );
}
