/** POST /v1/models/{id}/sensitivities: back-propagation of one input, layer by layer. */
import { lossOf } from "../../../../../../schemas/complete.ts";
import { sensitivities, sensitivitiesQuery } from "../../../../../../schemas/explanation.ts";
import type { Loss } from "../../../../../../schemas/network.ts";
import { outputActivation } from "../../../../../../schemas/network-shape.ts";
import { signedShades, type LayerSensitivities } from "../../../../../prediction/index.ts";
import { finite } from "../../../../../shared/finite.ts";
import type { ModelRecord, Records } from "../../../../../shared/records/index.ts";
import { within, type Dependencies } from "../../../../dependencies.ts";
import { invalid } from "../../../../http/problem.ts";
import { sendJson } from "../../../../http/slices.ts";
import type { App } from "../../../../http/types.ts";
import { askingModels, showing, wantsPicture } from "../../../../models/showing.ts";
import { checkClass, checkInner, mapSheet, mappedNumbers, nested, readOne } from "../../../../models/maps.ts";
import { subjectFor } from "../../../../models/subjects.ts";

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

/** All layers, one of them, or a block with one of its own. */
function wantedOf(
  layers: readonly LayerSensitivities[],
  layer: number | undefined,
  inner: number | undefined,
): readonly LayerSensitivities[] {
  if (layer === undefined) return layers;
  return layers
    .filter((each) => each.layer === layer)
    .map((each) => (inner === undefined ? each : { ...each, layers: each.layers?.slice(inner, inner + 1) ?? [] }));
}

const shown = ({ layers, ...row }: LayerSensitivities): object => ({
  ...row,
  values: nested(row.shape, row.values),
  sensitivities: nested(row.shape, row.sensitivities),
  gradientNorm: finite(row.gradientNorm),
  ...(layers && { layers: layers.map(shown) }),
});

function sensitivitiesRoute(app: App, dependencies: Dependencies): void {
  const { prediction } = dependencies;
  const asked = askingModels(app);
  app.post(
    "/v1/models/:id/sensitivities",
    showing(asked, {
      summary: "x and δ of every layer for one input: JSON, or with Accept: image/png and ?layer= a sheet of δ",
      description: "x and δ of each layer, the input first; in a sheet grey is 0",
      query: sensitivitiesQuery,
      answer: sensitivities,
    }),
    async (request, reply) => {
      const { layer, inner, class: of, loss, checkpoint, scale, ...query } = request.query;
      const { model } = asked.of(request);
      const asPicture = wantsPicture(request);
      if (asPicture && layer === undefined) throw invalid("/query/layer", "a sheet shows one layer: say which");
      checkClass(model, of);
      checkInner(model, layer, inner);
      const numbers = mappedNumbers(model, layer, { kinds: 2, withInput: true, withInner: true });
      const chosen = await lossFor(request.records, model, loss);
      const { samples: sample, conversion } = await readOne(request, query, within(dependencies, request), model);
      const found = await prediction.sensitivities(await subjectFor(within(dependencies, request), model, checkpoint), {
        sample,
        loss: chosen,
        class: of ?? null,
      });
      const wanted = wantedOf(found.layers, layer, inner);
      if (asPicture) {
        const [row] = inner === undefined ? wanted : (wanted[0].layers ?? []);
        const shades = signedShades(row.sensitivities);
        return reply.type("image/png").send(await mapSheet(row.shape, (from, to) => shades.subarray(from, to), scale));
      }
      const layers = wanted.map(shown);
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
