/**
 * Pictures to samples: the one conversion, for datasets of pictures and for pictures sent to a model, so that both see
 * the same pixels. PNG and JPEG only, told by their first bytes: no other decoder is ever reached.
 */
import sharp, { type Metadata } from "sharp";
import type { Conversion } from "../../schemas/dataset.ts";

/** A picture that cannot be used; the message says what was found and what would be right. */
export class PictureError extends Error {
  override readonly name = "PictureError";
}

/** What a picture is to become; null: as it is. A Conversion is a whole wish. */
export interface PictureWish {
  channels: Conversion["channels"] | null;
  height: number | null;
  width: number | null;
  fit: Conversion["fit"];
}

export interface Sample {
  /** uint8 [channels][height][width]. */
  pixels: Uint8Array;
  channels: Conversion["channels"];
  height: number;
  width: number;
  /** What was done, in words, in order. */
  steps: string[];
}

/** A picture may have this many pixels before it is scaled down. */
export const mostPixels = 40_000_000;

const png = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
const isPng = (bytes: Uint8Array): boolean => bytes.length > 8 && Buffer.compare(bytes.subarray(0, 8), png) === 0;
const isJpeg = (bytes: Uint8Array): boolean =>
  bytes.length > 3 && bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff;

/** `png`, `jpeg`, or null for anything else. */
export const pictureKind = (bytes: Uint8Array): "png" | "jpeg" | null =>
  isPng(bytes) ? "png" : isJpeg(bytes) ? "jpeg" : null;

export const fits = { fit: "contain", crop: "cover", stretch: "fill" } as const;
const fitWords = { fit: "fitted into", crop: "cropped to", stretch: "stretched to" } as const;

/** Interleaved [pixel][channel] to [channel][pixel]. */
function planes(interleaved: Uint8Array, channels: number): Uint8Array {
  if (channels === 1) return interleaved;
  const pixels = interleaved.length / channels;
  const separated = new Uint8Array(interleaved.length);
  for (let channel = 0; channel < channels; channel++) {
    for (let pixel = 0; pixel < pixels; pixel++)
      separated[channel * pixels + pixel] = interleaved[pixel * channels + channel];
  }
  return separated;
}

function sentence(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.split("\n")[0]?.slice(0, 200) ?? "it cannot be read";
}

async function shapeOf(
  bytes: Uint8Array,
): Promise<{ kind: "png" | "jpeg"; width: number; height: number; metadata: Metadata }> {
  const kind = pictureKind(bytes);
  if (kind === null)
    throw new PictureError(
      `neither a PNG nor a JPEG: it begins with ${Buffer.from(bytes.subarray(0, 8)).toString("hex") || "nothing"}`,
    );
  const metadata = await sharp(bytes, { limitInputPixels: false, pages: 1 })
    .metadata()
    .catch((error: unknown) => {
      throw new PictureError(`a ${kind.toUpperCase()} that cannot be read: ${sentence(error)}`);
    });
  const { width, height } = metadata;
  if (width * height > mostPixels)
    throw new PictureError(`${width}×${height} pixels are too many: at most ${mostPixels} are read`);
  return { kind, width, height, metadata };
}

/** Rotated as its EXIF says, flattened onto black where transparent, made grey or RGB, scaled. Throws PictureError. */
export async function readPicture(bytes: Uint8Array, wish: PictureWish): Promise<Sample> {
  const found = await shapeOf(bytes);
  const { metadata } = found;
  const colours =
    metadata.space === "b-w" || metadata.space === "grey16" ? "grey" : metadata.space === "cmyk" ? "CMYK" : "RGB";
  const steps = [
    `decoded ${found.kind.toUpperCase()}, ${found.width}×${found.height} ${colours}${metadata.depth === "ushort" ? ", 16 bits" : ""}`,
  ];
  let image = sharp(bytes, { limitInputPixels: mostPixels, pages: 1, failOn: "warning" }).autoOrient();
  const turned = (metadata.orientation ?? 1) >= 5;
  const [inWidth, inHeight] = turned ? [found.height, found.width] : [found.width, found.height];
  const { fit } = wish;
  const channels = wish.channels ?? (colours === "grey" ? 1 : 3);
  const [height, width] = [wish.height ?? inHeight, wish.width ?? inWidth];
  if ((metadata.orientation ?? 1) > 1) steps.push("turned as its EXIF orientation says");
  if (metadata.hasAlpha) {
    image = image.flatten({ background: "#000000" });
    steps.push("transparency laid on black");
  }
  image = channels === 1 ? image.greyscale().toColourspace("b-w") : image.toColourspace("srgb");
  if (channels === 1 && colours !== "grey") steps.push("made grey");
  if (channels === 3 && colours !== "RGB") steps.push("made RGB");
  if (inWidth !== width || inHeight !== height) {
    image = image.resize({ width, height, fit: fits[fit], background: "#000000" });
    steps.push(`${fitWords[fit]} ${width}×${height}`);
  }
  const raw = await image
    .raw({ depth: "uchar" })
    .timeout({ seconds: 20 })
    .toBuffer({ resolveWithObject: true })
    .catch((error: unknown) => {
      throw new PictureError(`a ${found.kind.toUpperCase()} that cannot be read: ${sentence(error)}`);
    });
  if (raw.info.channels !== channels)
    throw new PictureError(`it came out with ${raw.info.channels} channels where ${channels} were wanted`);
  return {
    pixels: planes(new Uint8Array(raw.data.buffer, raw.data.byteOffset, raw.data.byteLength), channels),
    channels,
    height,
    width,
    steps,
  };
}
