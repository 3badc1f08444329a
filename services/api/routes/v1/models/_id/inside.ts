/** What is inside a model: GET …/network, …/filters/{layer}.png, POST …/feature-maps. */
import {
  featureMaps,
  featureMapsQuery,
  filterParams,
  filtersQuery,
  networkQuery,
  networkView,
} from "../../../../../../schemas/inside.ts";
import { idParams } from "../../../../../../schemas/query.ts";
import { stretchedShades } from "../../../../../prediction/index.ts";
import { askingModels, showing, wantsPicture } from "../../../../models/showing.ts";
import { within, type Dependencies } from "../../../../dependencies.ts";
import { findModel } from "../../../../../shared/find.ts";
import { pngAnswer } from "../../../../http/binary.ts";
import { drawFilters } from "../../../../models/filters.ts";
import { mapSheet, mappedNumbers, nested, readOne } from "../../../../models/maps.ts";
import { subjectFor } from "../../../../models/subjects.ts";
import { sendJson } from "../../../../http/slices.ts";
import type { App } from "../../../../http/types.ts";
import { finite } from "../../../../../shared/finite.ts";

function filterRoutes(app: App, dependencies: Dependencies): void {
  const { prediction } = dependencies;
  app.get(
    "/v1/models/:id/filters/:layer.png",
    {
      schema: {
        tags: ["models"],
        summary: "The filters of a convolution: a row a map, a column an input; grey is 0",
        params: filterParams,
        querystring: filtersQuery,
        response: { 200: pngAnswer("Filters") },
      },
    },
    async (request, reply) => {
      const model = await findModel(request.records, request.params.id);
      const { checkpoint, scale } = request.query;
      const png = await drawFilters({
        prediction,
        network: model.network,
        owner: `model ${model.id}`,
        layer: request.params.layer,
        scale,
        subject: () => subjectFor(within(dependencies, request), model, checkpoint),
      });
      // What an alias names may be another model tomorrow.
      if (request.params.id === model.id) reply.header("cache-control", "public, max-age=31536000, immutable");
      return reply.type("image/png").send(png);
    },
  );
}

/** Every map by itself: the least is black, the largest white. */
const shadesOf =
  (values: Float32Array) =>
  (from: number, to: number): Uint8Array =>
    stretchedShades(values.subarray(from, to));

function featureMapRoutes(app: App, dependencies: Dependencies): void {
  const { prediction } = dependencies;
  const asked = askingModels(app);
  app.post(
    "/v1/models/:id/feature-maps",
    showing(asked, {
      summary: "What each layer makes of one input: JSON, or with Accept: image/png and ?layer= a sheet of its maps",
      description: "Maps of each layer",
      query: featureMapsQuery,
      answer: featureMaps,
    }),
    async (request, reply) => {
      const { layer, checkpoint, scale, ...query } = request.query;
      const { model } = asked.of(request);
      const mapped = mappedNumbers(model, layer, { kinds: 1, withInput: false });
      const inputs = await readOne(request, query, within(dependencies, request), model);
      const all = await prediction.featureMaps(
        await subjectFor(within(dependencies, request), model, checkpoint),
        inputs.samples,
      );
      const wanted = layer === undefined ? all : all.filter((each) => each.layer === layer);
      if (wantsPicture(request))
        return reply.type("image/png").send(await mapSheet(wanted[0].shape, shadesOf(wanted[0].values), scale));
      const layers = wanted.map((each) => ({
        layer: each.layer,
        kind: model.network.layers[each.layer].kind,
        shape: each.shape,
        values: nested(each.shape, each.values),
      }));
      return sendJson(reply, { model: model.id, conversion: inputs.conversion, layers }, mapped);
    },
  );
}

type Described = Awaited<ReturnType<Dependencies["prediction"]["describe"]>>[number];

/** With null for what is not finite. */
const numbersOf = ({ beta, bias, alpha, effectiveInputs }: Described) => ({
  beta: beta?.map(finite) ?? null,
  bias: bias?.map(finite) ?? null,
  alpha: alpha?.map((row) => row.map(finite)) ?? null,
  effectiveInputs: effectiveInputs?.map(finite) ?? null,
});

const shown = ({ layers, ...layer }: Described) => ({
  ...layer,
  ...numbersOf(layer),
  ...(layers && { layers: layers.map((own) => ({ ...own, ...numbersOf(own) })) }),
});

export function insideRoutes(app: App, dependencies: Dependencies): void {
  const { prediction } = dependencies;
  app.get(
    "/v1/models/:id/network",
    {
      schema: {
        tags: ["models"],
        summary: "Layers, shapes, parameters, β and b, learned combinations",
        params: idParams,
        querystring: networkQuery,
        response: { 200: networkView },
      },
    },
    async (request) => {
      const model = await findModel(request.records, request.params.id);
      const layers = await prediction.describe(
        await subjectFor(within(dependencies, request), model, request.query.checkpoint),
      );
      return { layers: layers.map(shown), parameters: model.parameters };
    },
  );
  filterRoutes(app, dependencies);
  app.register(async (scope: App) => featureMapRoutes(scope, dependencies));
}
