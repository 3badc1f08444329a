/** Decodes a picture of an upload as its settings wish it. */
import { PictureError, readPicture } from "../../shared/pictures.ts";
import type { Sample } from "../../shared/pictures.ts";
import type { Intake } from "./intake.ts";

/** `cause`: what the decoder said. */
export type Decoded = { sample: Sample } | { refused: string; cause: unknown };

/** Throws DatasetRefused where the upload asks for too much decoding. Channels and size are as in the picture where nothing is wished. */
export async function decode(intake: Intake, bytes: Buffer): Promise<Decoded> {
  const { settings, wishedSize, limits } = intake;
  try {
    const sample = await readPicture(
      bytes,
      {
        channels: settings.channels ?? null,
        height: wishedSize?.height ?? null,
        width: wishedSize?.width ?? null,
        fit: settings.fit,
        background: settings.background,
      },
      { most: limits.MAX_PIXELS },
    );
    intake.pixels.spend({ pixels: sample.decodedPixels, bytes: bytes.length });
    return { sample };
  } catch (error) {
    if (error instanceof PictureError) return { refused: error.message, cause: error.cause };
    throw error;
  }
}
