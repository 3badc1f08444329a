/** POST and GET /v1/datasets. */
import { dataset, datasetPage, datasetsQuery, uploadForm } from "../../../../../schemas/dataset.ts";
import { presentDataset } from "../../../../shared/records/index.ts";
import { Reception } from "../../../datasets/receive.ts";
import { within, type Dependencies } from "../../../dependencies.ts";
import { sendPage } from "../../../http/slices.ts";
import type { App } from "../../../http/types.ts";
import { bodyUnchecked } from "../../../http/validation.ts";

export function datasetsRoutes(app: App, dependencies: Dependencies): void {
  app.post(
    "/v1/datasets",
    {
      schema: {
        tags: ["datasets"],
        summary: "Upload labelled images; they are checked in the background",
        consumes: ["multipart/form-data"],
        body: { content: { "multipart/form-data": { schema: uploadForm } } },
        response: { 202: dataset },
      },
      validatorCompiler: bodyUnchecked,
    },
    async (request, reply) => {
      const record = await new Reception(within(dependencies, request), request).run();
      return reply.code(202).header("location", `/v1/datasets/${record.id}`).send(presentDataset(record));
    },
  );

  app.get(
    "/v1/datasets",
    {
      schema: {
        tags: ["datasets"],
        summary: "Datasets, newest first: all, or those of a name",
        querystring: datasetsQuery,
        response: { 200: datasetPage },
      },
    },
    async (request, reply) => {
      const page = await request.records.datasets.list(request.query);
      return sendPage(reply, { ...page, data: page.data.map(presentDataset) });
    },
  );
}
