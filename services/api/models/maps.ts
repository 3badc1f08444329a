/** What models are asked to show of one input: the input itself, how much an answer may hold, maps as JSON and as sheets. */
import type { FastifyRequest } from "fastify";
import type { z } from "zod";
import { networkShape } from "../../../schemas/network-shape.ts";
import type { askingQuery } from "../../../schemas/prediction.ts";
import { sizeOf, type Shape } from "../../../schemas/shape.ts";
import { samplesOf, type Samples } from "../../prediction/index.ts";
import type { ModelRecord } from "../../shared/records/index.ts";
import type { Within } from "../dependencies.ts";
import { Problem, invalid } from "../http/problem.ts";
import { drawSheet } from "../http/sheet.ts";
import { readAsked } from "./asking.ts";
import { formOf } from "./forms.ts";
import type { Instances } from "./instances.ts";

/** Numbers of the maps of one answer. */
const mostMapped = 4 * 1024 * 1024;

/** Tiles of a sheet at most in each direction: more are left out. */
export const mostAcross = 64;

/** Reads the one input that a route takes. */
export async function readOne(
  request: FastifyRequest,
  query: Omit<z.output<typeof askingQuery>, "topK">,
  dependencies: Within,
  model: ModelRecord,
): Promise<Instances & { samples: Samples }> {
  const dataset = model.dataset === null ? null : await dependencies.records.datasets.read(model.dataset.id);
  const inputs = await readAsked(request, { ...query, topK: 1 }, dependencies, formOf(model.input, dataset));
  if (inputs.count === 1) return { ...inputs, samples: samplesOf(inputs.samples) };
  throw new Problem({
    code: "invalid-request",
    detail: `expected one input, found ${inputs.count}`,
    errors: [{ pointer: "/instances", detail: `expected one input, found ${inputs.count}` }],
  });
}

/**
 * Numbers of the maps that are asked for: of one layer, or of all; −1 is the input, where it is one of them, and a
 * residual block may show its own layers. Refuses more than one answer holds.
 */
export function mappedNumbers(
  { network, input }: ModelRecord,
  layer: number | undefined,
  { kinds, withInput, withInner = false }: { kinds: number; withInput: boolean; withInner?: boolean },
): number {
  const { layers } = network;
  if (layer !== undefined && layer >= layers.length)
    throw invalid("/query/layer", `this network has layers 0 to ${layers.length - 1}`);
  const sizes = networkShape(layers, input, null).layers.map(({ output, layers: inner = [] }, index) => ({
    index,
    size: [output, ...(withInner ? inner.map((own) => own.output) : [])].reduce((sum, maps) => sum + sizeOf(maps), 0),
  }));
  if (withInput) sizes.push({ index: -1, size: sizeOf(input) });
  const mapped = sizes.reduce(
    (sum, { index, size }) => sum + (layer === undefined || layer === index ? kinds * size : 0),
    0,
  );
  if (mapped > mostMapped)
    throw new Problem({
      code: "payload-too-large",
      detail: `these maps have ${mapped} numbers; one answer holds at most ${mostMapped}: ask for a single ?layer= with smaller maps`,
    });
  return mapped;
}

/** Refuses a layer of a residual block that there is not. */
export function checkInner({ network }: ModelRecord, layer: number | undefined, inner: number | undefined): void {
  if (inner === undefined) return;
  const block = layer === undefined ? undefined : network.layers[layer];
  if (block?.kind !== "residual")
    throw invalid("/query/inner", "expected with ?layer= a residual block, whose own layers it counts");
  if (inner >= block.layers.length)
    throw invalid("/query/inner", `block ${layer} has layers 0 to ${block.layers.length - 1}`);
}

/** Refuses a class that the model does not know. */
export function checkClass({ id, classes }: ModelRecord, of: number | undefined): void {
  if (of !== undefined && of >= classes.length)
    throw invalid("/query/class", `model ${id} has classes 0 to ${classes.length - 1}, not ${of}`);
}

const across = (count: number): number => Math.min(mostAcross, Math.ceil(Math.sqrt(count)));

/** Maps beside each other; `shades` has those of a map, [height][width]. */
export function mapSheet(
  { channels, height, width }: Shape,
  shades: (from: number, to: number) => Uint8Array,
  scale: number | undefined,
): Promise<Uint8Array> {
  const shown = Math.min(channels, mostAcross * mostAcross);
  const tiles = Array.from({ length: shown }, (_, map) => ({
    pixels: shades(map * height * width, (map + 1) * height * width),
  }));
  const columns = across(shown);
  return drawSheet({
    tiles,
    channels: 1,
    height,
    width,
    columns,
    scale: scale ?? Math.max(1, Math.min(8, Math.floor(512 / (columns * (width + 1))))),
  });
}

/** [map][row][column], as sendJson takes it. */
export function* nested({ channels, height, width }: Shape, values: Float32Array): Generator<Float32Array[]> {
  for (let map = 0; map < channels; map++)
    yield Array.from({ length: height }, (_, row) =>
      values.subarray((map * height + row) * width, (map * height + row + 1) * width),
    );
}
