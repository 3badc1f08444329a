/** POST /v1/models/{id}/sensitivities: back-propagation of one input, layer by layer. */
import { lossOf } from "../../../../../../schemas/complete.ts";
import { sensitivities, sensitivitiesQuery } from "../../../../../../schemas/explanation.ts";
import type { Loss } from "../../../../../../schemas/network.ts";
import { outputActivation } from "../../../../../../schemas/network-shape.ts";
import { askingBodies } from "../../../../../../schemas/prediction.ts";
import { idParams } from "../../../../../../schemas/query.ts";
import { signedShades } from "../../../../../prediction/index.ts";
import { finite } from "../../../../../shared/finite.ts";
import type { ModelRecord, Records } from "../../../../../shared/records/index.ts";
import { findModel } from "../../../../../shared/find.ts";
import type { Dependencies } from "../../../../dependencies.ts";
import { binary } from "../../../../http/binary.ts";
import { invalid } from "../../../../http/problem.ts";
import { sendJson } from "../../../../http/slices.ts";
import type { App } from "../../../../http/types.ts";
import { beforeBody, mostAskingBytes, takeEveryBody } from "../../../../models/asking.ts";
import { checkClass, mapSheet, mappedNumbers, nested, readOne } from "../../../../models/maps.ts";
import { subjectOf } from "../../../../models/subjects.ts";

/** The loss that is asked for, or the one the model was trained with. */
async function lossFor(records: Records, model: ModelRecord, asked: Loss | undefined): Promise<Loss> {
  const output = outputActivation(model.network.layers);
  if (asked === "cross-entropy" && output !== "softmax")
    throw invalid(
      "/query/loss",
      `cross-entropy needs a last layer with activation 'softmax'; this network ends in '${output}'`,
    );
  if (asked !== undefined) return asked;
  const job = model.job === null ? null : await records.jobs.read(model.job);
  return job?.request.loss ?? lossOf(model.network);
}

function sensitivitiesRoute(app: App, dependencies: Dependencies): void {
  const { records, storage, prediction } = dependencies;
  takeEveryBody(app);
  const asked = beforeBody(async (request) => {
    const model = await findModel(records, (request.params as { id: string }).id);
    return { model, input: model.input };
  });
  app.post(
    "/v1/models/:id/sensitivities",
    {
      onRequest: asked.onRequest,
      bodyLimit: mostAskingBytes,
      schema: {
        tags: ["models"],
        summary: "x and δ of every layer for one input: JSON, or with Accept: image/png and ?layer= a sheet of δ",
        params: idParams,
        querystring: sensitivitiesQuery,
        body: askingBodies,
        response: {
          200: {
            description: "x and δ of each layer, the input first; in a sheet grey is 0",
            content: { "application/json": { schema: sensitivities }, "image/png": { schema: binary } },
          },
        },
      },
    },
    async (request, reply) => {
      const { layer, class: of, loss, scale, ...query } = request.query;
      const { model } = asked.of(request);
      const asPicture = (request.headers.accept ?? "").includes("image/png");
      if (asPicture && layer === undefined) throw invalid("/query/layer", "a sheet shows one layer: say which");
      checkClass(model, of);
      const numbers = mappedNumbers(model, layer, { kinds: 2, withInput: true });
      const chosen = await lossFor(records, model, loss);
      const { samples: sample, conversion } = await readOne(request, query, dependencies, model);
      const found = await prediction.sensitivities(subjectOf(storage, model), {
        sample,
        loss: chosen,
        class: of ?? null,
      });
      const wanted = found.layers.filter((each) => layer === undefined || each.layer === layer);
      if (asPicture) {
        const shades = signedShades(wanted[0].sensitivities);
        const { shape } = wanted[0];
        return reply.type("image/png").send(await mapSheet(shape, (from, to) => shades.subarray(from, to), scale));
      }
      const layers = wanted.map(({ shape, values, sensitivities: deltas, gradientNorm, ...each }) => ({
        ...each,
        shape,
        values: nested(shape, values),
        sensitivities: nested(shape, deltas),
        gradientNorm: finite(gradientNorm),
      }));
      return sendJson(
        reply,
        { model: model.id, conversion, loss: finite(found.loss), class: found.class, layers },
        numbers,
      );
    },
  );
}

export const sensitivitiesRoutes = (app: App, dependencies: Dependencies): void => {
  app.register(async (scope: App) => sensitivitiesRoute(scope, dependencies));
};
