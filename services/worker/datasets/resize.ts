/** Resizes samples that came as numbers the way pictures are resized. */
import sharp from "sharp";
import type { Conversion } from "../../../schemas/dataset.ts";
import { fits } from "../../shared/pictures.ts";

/** uint8 [channels][height][width] to another height and width. */
export async function resizeSample(
  pixels: Uint8Array,
  from: Pick<Conversion, "channels" | "height" | "width">,
  to: Pick<Conversion, "height" | "width" | "fit">,
): Promise<Uint8Array> {
  const area = from.height * from.width;
  const planes = await Promise.all(
    Array.from({ length: from.channels }, (_, channel) =>
      sharp(pixels.subarray(channel * area, (channel + 1) * area), {
        raw: { channels: 1, height: from.height, width: from.width },
      })
        .resize({ height: to.height, width: to.width, fit: fits[to.fit], background: "#000000" })
        .toColourspace("b-w")
        .raw({ depth: "uchar" })
        .toBuffer(),
    ),
  );
  return Buffer.concat(planes);
}
