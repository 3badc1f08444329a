/** POST /v1/models/{id}/saliency: which pixels of one input made a class. */
import { saliency, saliencyQuery } from "../../../../../../schemas/explanation.ts";
import { lossOf } from "../../../../../../schemas/complete.ts";
import { heatOver } from "../../../../../prediction/index.ts";
import { within, type Dependencies } from "../../../../dependencies.ts";
import { drawSheet } from "../../../../http/sheet.ts";
import { sendJson } from "../../../../http/slices.ts";
import type { App } from "../../../../http/types.ts";
import { askingModels, showing, wantsPicture } from "../../../../models/showing.ts";
import { checkClass, mappedNumbers, nested, readOne } from "../../../../models/maps.ts";
import { occlude, occlusionOf } from "../../../../models/occlusion.ts";
import { subjectFor } from "../../../../models/subjects.ts";

function saliencyRoute(app: App, dependencies: Dependencies): void {
  const { prediction } = dependencies;
  const asked = askingModels(app);
  app.post(
    "/v1/models/:id/saliency",
    showing(asked, {
      summary: "Which pixels of one input made a class: JSON, or with Accept: image/png a picture over the input",
      description: "A number a pixel; in a picture red is most",
      query: saliencyQuery,
      answer: saliency,
    }),
    async (request, reply) => {
      const { method, class: of, patch, stride, checkpoint, scale, ...query } = request.query;
      const { model } = asked.of(request);
      checkClass(model, of);
      const numbers = mappedNumbers(model, -1, { kinds: 1, withInput: true });
      const occlusion = method === "occlusion" ? occlusionOf(model.input, { patch, stride }) : null;
      const { samples: sample, conversion } = await readOne(request, query, within(dependencies, request), model);
      const subject = await subjectFor(within(dependencies, request), model, checkpoint);
      const isAbandoned = (): boolean => reply.raw.destroyed;
      // The score's slope hangs on no loss; a plan has one.
      const found = occlusion
        ? await occlude({ prediction, subject, sample, class: of, occlusion, isAbandoned })
        : await prediction.saliency(subject, { sample, loss: lossOf(model.network), class: of ?? null });
      const { height, width } = model.input;
      if (wantsPicture(request))
        return reply.type("image/png").send(
          await drawSheet({
            tiles: [{ pixels: heatOver(sample, found.values, model.input) }],
            channels: 3,
            height,
            width,
            columns: 1,
            scale: scale ?? Math.max(1, Math.min(8, Math.floor(512 / width))),
          }),
        );
      const [values] = nested({ channels: 1, height, width }, found.values);
      return sendJson(reply, { model: model.id, conversion, method, class: found.class, values }, numbers);
    },
  );
}

export const saliencyRoutes = (app: App, dependencies: Dependencies): void => {
  app.register(async (scope: App) => saliencyRoute(scope, dependencies));
};
