/** Sheets of small pictures as answers. */
import { encodeSheet, sheetSize, type Sheet } from "../../prediction/index.ts";
import { invalid } from "./problem.ts";

export const mostSheetPixels = 16_000_000;

/** A PNG. Refuses a `scale` that would make it too large, and names the largest that does not. */
export async function drawSheet(sheet: Sheet): Promise<Uint8Array> {
  const { scale = 1 } = sheet;
  const { height, width } = sheetSize(sheet);
  const pixels = height * width;
  if (scale > 1 && pixels * scale ** 2 > mostSheetPixels)
    throw invalid(
      "/query/scale",
      `${width}×${height} pixels, each ${scale} wide and high, make a picture of more than ${mostSheetPixels} pixels; expected at most ${Math.max(1, Math.floor(Math.sqrt(mostSheetPixels / pixels)))}`,
    );
  return encodeSheet(sheet);
}
