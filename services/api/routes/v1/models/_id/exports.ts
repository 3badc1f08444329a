/** GET /v1/models/{id}/exports/{format}: a model as a file to take home. */
import { idParams } from "../../../../../../schemas/query.ts";
import { findModel } from "../../../../../shared/find.ts";
import type { Dependencies } from "../../../../dependencies.ts";
import { fileAnswer } from "../../../../http/binary.ts";
import type { App } from "../../../../http/types.ts";
import type { ExportFormat } from "../../../../models/exports/format.ts";
import { exportFormats } from "../../../../models/exports/index.ts";
import { subjectOf } from "../../../../models/subjects.ts";

export function exportRoutes(app: App, { storage, prediction }: Dependencies): void {
  for (const [name, format] of Object.entries<ExportFormat>(exportFormats))
    app.get(
      `/v1/models/:id/exports/${name}`,
      {
        schema: {
          tags: ["models"],
          summary: format.summary,
          params: idParams,
          response: { 200: fileAnswer(name, format.mediaType.split(";")[0]) },
        },
      },
      async (request, reply) => {
        const model = await findModel(request.records, request.params.id);
        const [dataset, job] = await Promise.all([
          model.dataset === null ? null : request.records.datasets.read(model.dataset.id),
          model.job === null ? null : request.records.jobs.read(model.job),
        ]);
        const subject = subjectOf(storage, model);
        const bytes = await format.make({ model, subject, dataset, job, prediction, storage });
        return reply
          .type(format.mediaType)
          .header("content-disposition", `attachment; filename="${model.id}.${format.extension}"`)
          .send(Buffer.from(bytes));
      },
    );
}
