/** Samples of datasets that were made before conversions kept a range and a background. */
import { expect, it } from "vitest";
import { datasetRecord } from "../../../tests/support/app.ts";
import type { DatasetRecord } from "../../shared/records/index.ts";
import { formOf } from "./forms.ts";

const input = { channels: 1, height: 7, width: 5 };
const old = { channels: 1, height: 7, width: 5, fit: "crop" } as unknown as DatasetRecord["conversion"];
const statistics = {
  ...(datasetRecord({}).statistics as NonNullable<DatasetRecord["statistics"]>),
  minimum: -2,
  maximum: 3,
};

it.each([
  ["the range that is kept", datasetRecord({ dtype: "float32", statistics }), { minimum: 0, maximum: 255 }],
  ["whole numbers of before", datasetRecord({ conversion: old, statistics }), { minimum: 0, maximum: 255 }],
  [
    "fractions of before",
    datasetRecord({ conversion: old, dtype: "float32", statistics }),
    { minimum: -2, maximum: 3 },
  ],
  ["no dataset", null, { minimum: 0, maximum: 255 }],
])("%s", (_what, dataset, range) => {
  const form = formOf(input, dataset);
  expect(form.range).toEqual(range);
  expect(form.conversion).toMatchObject({ background: "black", height: 7, width: 5 });
});
