/** POST /v1/gradient-checks: back-propagation against finite differences in float64, bounded in size and time. */
import { completeNetwork, lossOf } from "../../../../../schemas/complete.ts";
import {
  gradientCheck,
  gradientCheckRequest,
  type GradientCheckRequest,
} from "../../../../../schemas/gradient-check.ts";
import { describeMisfit, presetNetwork } from "../../../../../schemas/presets.ts";
import { sizeOf, type Shape } from "../../../../../schemas/shape.ts";
import { flatShapes, networkShape, outputActivation, trainingFlops } from "../../../../../schemas/network-shape.ts";
import type { Dependencies } from "../../../dependencies.ts";
import type { Records } from "../../../../shared/records/index.ts";
import { findReadyDataset } from "../../../../shared/find.ts";
import { Problem, doesNotFit, invalid } from "../../../http/problem.ts";
import type { App } from "../../../http/types.ts";
import { finite } from "../../../../shared/finite.ts";

const seconds = 15;
/** Of a preset that is checked without a dataset. */
const usualClasses = 10;
/** Of one sample, forward and backward: what a few hundred passes in float64 can do in the time. */
const mostFlops = 50_000_000;
const mostParameters = 2_000_000;
/** Of one sample: its input and what every layer makes of it. */
const mostValues = 1_000_000;

async function inputOf(
  records: Records,
  { input, dataset }: GradientCheckRequest,
): Promise<{ input: Shape; classes: number | null }> {
  if (dataset !== undefined && input !== undefined)
    throw invalid("/input", "give either an input or a dataset, not both");
  if (input !== undefined) return { input, classes: null };
  if (dataset === undefined) throw invalid("/input", "is missing: expected {channels, height, width}, or a dataset");
  const found = await findReadyDataset(records, dataset);
  return { input: found.shape, classes: found.classes.length };
}

export function gradientCheckRoutes(app: App, dependencies: Dependencies): void {
  app.post(
    "/v1/gradient-checks",
    {
      config: { changesNothing: true },
      schema: {
        tags: ["process"],
        summary: "Check every gradient of a network by finite differences",
        body: gradientCheckRequest,
        response: { 200: gradientCheck },
      },
    },
    async (request) => {
      const asked = request.body;
      const { input, classes } = await inputOf(request.records, asked);
      const preset = typeof asked.network === "string" ? asked.network : null;
      const checkedNetwork = completeNetwork(
        typeof asked.network === "string" ? presetNetwork(asked.network, classes ?? usualClasses) : asked.network,
      );
      const { layers, problems } = networkShape(checkedNetwork.layers, input, classes);
      if (problems.length > 0)
        throw doesNotFit(
          preset === null
            ? problems
            : [{ pointer: "", detail: describeMisfit(preset, input, classes ?? usualClasses) }],
        );
      const chosenLoss = asked.loss ?? lossOf(checkedNetwork);
      if (chosenLoss === "cross-entropy" && outputActivation(checkedNetwork.layers) !== "softmax")
        throw invalid("/loss", "cross-entropy needs a last layer with activation 'softmax'");
      const flops = trainingFlops(checkedNetwork.layers, layers);
      const parameters = layers.reduce((sum, layer) => sum + layer.parameters, 0);
      const values = flatShapes(layers).reduce((sum, layer) => sum + sizeOf(layer.output), sizeOf(input));
      if (flops > mostFlops || parameters > mostParameters) {
        throw new Problem({
          code: "payload-too-large",
          detail: `this network has ${parameters} parameters and takes ${flops} operations a sample; a check takes at most ${mostParameters} and ${mostFlops}: check a smaller one of the same kind`,
        });
      }
      if (values > mostValues)
        throw new Problem({
          code: "payload-too-large",
          detail: `a sample and the maps of all layers have ${values} numbers; a check takes at most ${mostValues}: check a smaller input`,
        });
      const outputs = sizeOf(layers[layers.length - 1].output);
      const found = await dependencies.prediction.checkGradients({
        network: checkedNetwork,
        input,
        classes: classes ?? outputs,
        loss: chosenLoss,
        seed: asked.seed,
        sample: asked.sample,
        data: null,
        seconds,
      });
      return {
        worst: finite(found.worst),
        complete: found.complete,
        layers: found.layers.map((layer) => ({
          ...layer,
          kind: checkedNetwork.layers[layer.index].kind,
          parameters: layer.parameters.map((each) => ({
            ...each,
            worstRelativeError: finite(each.worstRelativeError),
          })),
        })),
      };
    },
  );
}
