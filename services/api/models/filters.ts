/** The filters of a convolution as a sheet: of a model, or of a job's checkpoint. */
import type { Network } from "../../../schemas/network.ts";
import { signedShades, type Filters, type Prediction, type Subject } from "../../prediction/index.ts";
import { notFound } from "../http/problem.ts";
import { drawSheet } from "../http/sheet.ts";
import { mostAcross } from "./maps.ts";

function sheetOf({ maps, inputs, size, values }: Filters, scale: number | undefined): Promise<Uint8Array> {
  const [rows, columns] = [Math.min(maps, mostAcross), Math.min(inputs, mostAcross)];
  const shades = signedShades(values);
  const tiles = Array.from({ length: rows * columns }, (_, tile) => {
    const at = (Math.floor(tile / columns) * inputs + (tile % columns)) * size * size;
    return { pixels: shades.subarray(at, at + size * size) };
  });
  return drawSheet({
    tiles,
    channels: 1,
    height: size,
    width: size,
    columns,
    scale: scale ?? Math.max(1, Math.min(8, Math.floor(1024 / (columns * (size + 1))))),
  });
}

export interface AskedFilters {
  prediction: Prediction;
  network: Network;
  /** Whose they are, as in `model mdl_…`. */
  owner: string;
  /** As it stands in the path. */
  layer: string;
  scale: number | undefined;
  subject: () => Promise<Subject>;
}

/** A PNG, a row a map and a column an input; throws where the layer is no convolution. */
export async function drawFilters({
  prediction,
  network,
  owner,
  layer,
  scale,
  subject,
}: AskedFilters): Promise<Uint8Array> {
  const convolutions = network.layers.flatMap(({ kind }, index) => (kind === "convolution" ? [index] : []));
  const found = convolutions.includes(Number(layer)) ? await prediction.filters(await subject(), Number(layer)) : null;
  if (!found)
    throw notFound(
      `${owner} has no filters at layer ${layer}; ${convolutions.length === 0 ? "it has no convolution" : `layers ${convolutions.join(", ")} are convolutions`}`,
    );
  return sheetOf(found, scale);
}
