/** Every pixel of the recorded cases, traced: its sum is the number that PyTorch's autograd gave. */
import { readFileSync, readdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { readSafetensors } from "../../engine/index.ts";
import { network } from "../../schemas/network.ts";
import type { Shape } from "../../schemas/shape.ts";
import type { Inside, Maps, Place, Row } from "../../web/dashboard/mathematics/inside.ts";
import { traceBackward, traceForward, type Trace } from "../../web/dashboard/mathematics/trace.ts";

const cases = new URL("sensitivities/", import.meta.url);

interface Recorded {
  shape: readonly number[];
  data: ArrayLike<number | bigint>;
}

const nested = ({ shape: [channels, height, width], data }: Recorded): Maps =>
  Array.from({ length: channels }, (_, map) =>
    Array.from({ length: height }, (__, row) =>
      Array.from({ length: width }, (___, column) => Number(data[(map * height + row) * width + column])),
    ),
  );

function insideOf(name: string): Inside {
  const { layers } = network.parse(JSON.parse(readFileSync(new URL(`${name}/case.json`, cases), "utf8")).network);
  const { tensors } = readSafetensors(readFileSync(new URL(`${name}/tensors.safetensors`, cases)));
  const rows = [-1, ...layers.keys()].map((layer): Row => {
    const values = tensors.get(`values.${layer}`)!;
    const [channels, height, width] = values.shape;
    const shape: Shape = { channels, height, width };
    const sensitivities = nested(tensors.get(`sensitivities.${layer}`)!);
    return {
      layer,
      kind: layers[layer]?.kind ?? "input",
      shape,
      values: nested(values),
      sensitivities,
      gradientNorm: 0,
    };
  });
  return { layers, rows, tensors: tensors as Inside["tensors"] };
}

function* placesOf({ channels, height, width }: Shape): Generator<Place> {
  for (let map = 0; map < channels; map++)
    for (let row = 0; row < height; row++) for (let column = 0; column < width; column++) yield { map, row, column };
}

/** Compares every pixel of a row; answers how many could be traced. */
function compare(row: Row, recorded: Maps, trace: (place: Place) => Trace | null): number {
  let traced = 0;
  for (const place of placesOf(row.shape)) {
    const result = trace(place)?.result;
    if (result === undefined || result === null) continue;
    traced += 1;
    const wanted = recorded[place.map][place.row][place.column] ?? NaN;
    expect(Math.abs(result - wanted), JSON.stringify({ layer: row.layer, place, result, wanted })).toBeLessThan(1e-6);
  }
  return traced;
}

const names = readdirSync(cases);
it("has cases", () => expect(names.length).toBeGreaterThanOrEqual(3));

describe.each(names)("%s", (name) => {
  const inside = insideOf(name);
  const count = (row: Row): number => [...placesOf(row.shape)].length;
  const isSoftmax = (layer: number): boolean => {
    const spec = inside.layers[layer];
    return spec !== undefined && "activation" in spec && spec.activation === "softmax";
  };

  it.each(inside.rows.slice(1).map((row) => [row.layer, row.kind, row] as const))("x of %i, %s", (layer, kind, row) => {
    const traced = compare(row, row.values, (place) => traceForward(inside, layer, place));
    expect(traced).toBe(kind === "residual" || isSoftmax(layer) ? 0 : count(row));
  });

  it.each(inside.rows.slice(0, -1).map((row) => [row.layer, row.kind, row] as const))(
    "δ of %i, %s",
    (layer, _, row) => {
      const traced = compare(row, row.sensitivities, (place) => traceBackward(inside, layer, place));
      expect(traced).toBe(inside.layers[layer + 1].kind === "residual" ? 0 : count(row));
    },
  );
});
