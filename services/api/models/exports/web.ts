/** A model as one HTML file that needs no server: web/export, built, with the model put into it. */
import { exportedModel, type ExportedModel } from "../../../../schemas/exported-model.ts";
import { conflict } from "../../http/problem.ts";
import { formOf } from "../forms.ts";
import { builtPage } from "./built.ts";
import { aboutOf, type ExportFormat } from "./format.ts";

/** JSON that no HTML parser mistakes for markup: "</script>" and "<!--" begin with the one sign that is escaped. */
const insideScript = (value: unknown): string => JSON.stringify(value).replaceAll("<", "\\u003c");

export const web: ExportFormat = {
  summary: "The model as one HTML file: opens from disk, offline; draw or drop a picture and it answers",
  extension: "html",
  mediaType: "text/html; charset=utf-8",
  async make({ model, subject, dataset, prediction }) {
    const { channels } = model.input;
    if (channels !== 1 && channels !== 3)
      throw conflict(
        `model ${model.id} takes ${channels} channels, and the page shows pictures of 1 or 3: take the ONNX export`,
      );
    const weights = await prediction.exportWeights(subject, aboutOf(model));
    const { conversion, range } = formOf(model.input, dataset);
    const page: ExportedModel = exportedModel.strip().parse({
      ...model,
      conversion,
      range,
      weights: Buffer.from(weights.buffer, weights.byteOffset, weights.byteLength).toString("base64"),
    });
    return Buffer.from((await builtPage()).replace("/*MODEL*/", () => insideScript(page)));
  },
};
