/**
 * Pictures to samples: the one conversion, for datasets of pictures and for pictures sent to a model, so that both see
 * the same pixels. Kinds are told by their first bytes: no decoder is reached but those that are named there.
 */
import sharp from "sharp";
import type { Metadata, Sharp } from "sharp";
import type { Conversion } from "../../schemas/dataset.ts";
import { decodeBmp, readBmpHeader } from "./bmp.ts";
import { damageOf } from "./picture-damage.ts";
import { PictureError, isAnimatedPng, kindNames, requireKind, type PictureKind } from "./picture-header.ts";
import { readPlainPng } from "./plain-png.ts";

export { PictureError, pictureKind } from "./picture-header.ts";

/** What a picture is to become; null: as it is. A Conversion is a whole wish. */
export interface PictureWish {
  channels: Conversion["channels"] | null;
  height: number | null;
  width: number | null;
  fit: Conversion["fit"];
  background: Conversion["background"];
}

export interface Sample {
  /** uint8 [channels][height][width]. */
  pixels: Uint8Array;
  channels: Conversion["channels"];
  height: number;
  width: number;
  /** Of the picture as it came: what it cost to decode it. */
  decodedPixels: number;
  /** What was done, in words, in order. */
  steps: string[];
  /** What the owner of many pictures should know of this one: "had …, which was …". */
  notes: string[];
}

/** A picture may have this many pixels before it is scaled down. */
export const mostPixels = 40_000_000;

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

interface Opened {
  kind: PictureKind;
  image: Sharp;
  /** As in the file, before it is turned. */
  width: number;
  height: number;
  colours: "grey" | "RGB" | "CMYK";
  alpha: boolean;
  /** Whether something of it can be seen through. */
  transparent: boolean;
  turned: boolean;
  sideways: boolean;
  steps: string[];
  notes: string[];
}

function requireBounds(name: string, size: { width: number; height: number }, most: number): void {
  if (size.width * size.height > most)
    throw new PictureError(
      `found ${size.width} × ${size.height} pixels; expected at most MAX_PIXELS (${most}): for a ${name} these are too many`,
    );
}

async function openBmp(bytes: Buffer, most: number): Promise<Opened> {
  const header = readBmpHeader(bytes);
  requireBounds(kindNames.bmp, header, most);
  const { pixels, width, height, channels } = await decodeBmp(bytes, header);
  return {
    kind: "bmp",
    image: sharp(pixels, { raw: { width, height, channels } }),
    width,
    height,
    colours: "RGB",
    alpha: channels === 4,
    transparent: channels === 4,
    turned: false,
    sideways: false,
    steps: [`decoded BMP, ${width}×${height} RGB`],
    notes: [],
  };
}

const coloursOf = ({ space }: Metadata): Opened["colours"] =>
  space === "b-w" || space === "grey16" ? "grey" : space === "cmyk" ? "CMYK" : "RGB";

/** What is lost or changed by making a picture a sample, apart from size and colours. */
function peculiarities(bytes: Buffer, metadata: Metadata): Pick<Opened, "steps" | "notes"> {
  const steps: string[] = [];
  const notes: string[] = [];
  if ((metadata.pages ?? 1) > 1 || (metadata.format === "png" && isAnimatedPng(bytes))) {
    steps.push("first frame of an animation taken");
    notes.push("had several frames, of which the first was taken");
  }
  if (metadata.depth === "ushort") notes.push("had 16 bits a channel, of which the upper 8 were kept");
  if (metadata.isPalette && metadata.format === "png") notes.push("had a palette, which was expanded");
  if (metadata.space === "cmyk") notes.push("had four inks for print (CMYK), which were made RGB");
  return { steps, notes };
}

/** Of one picture. */
const mostSeconds = 20;

/** What the decoder said is the cause: it is for the log. */
const cannotBeRead =
  (bytes: Buffer, known: { kind: PictureKind; stage: "header" | "pixels" }) =>
  (cause: unknown): never => {
    const name = kindNames[known.kind];
    if (cause instanceof Error && cause.message.startsWith("timeout"))
      throw new PictureError(
        `found a ${name} that takes longer than ${mostSeconds} s to decode; expected a smaller one`,
        {
          cause,
        },
      );
    throw new PictureError(
      `found a ${name} that cannot be read: ${damageOf(bytes, known)}; expected a complete picture`,
      { cause },
    );
  };

const isOpaque = async (bytes: Buffer): Promise<boolean> =>
  (
    await sharp(bytes, { pages: 1 })
      .stats()
      .catch(cannotBeRead(bytes, { kind: "gif", stage: "pixels" }))
  ).isOpaque;

async function open(bytes: Buffer, most: number): Promise<Opened> {
  const kind = requireKind(bytes);
  const name = kindNames[kind];
  if (kind === "bmp") return openBmp(bytes, most);
  const metadata = await sharp(bytes, { limitInputPixels: false, pages: 1 })
    .metadata()
    .catch(cannotBeRead(bytes, { kind, stage: "header" }));
  const { width, height, orientation = 1 } = metadata;
  requireBounds(name, metadata, most);
  const colours = coloursOf(metadata);
  const { steps, notes } = peculiarities(bytes, metadata);
  // A GIF is always given an alpha channel, also where nothing of it can be seen through.
  const transparent = metadata.hasAlpha && (kind !== "gif" || !(await isOpaque(bytes)));
  return {
    kind,
    // "error": a picture that breaks off is refused; one whose decoder only warns of it is complete.
    image: sharp(bytes, { limitInputPixels: most, pages: 1, failOn: "error" }).autoOrient(),
    width,
    height,
    colours,
    alpha: metadata.hasAlpha,
    transparent,
    turned: orientation > 1,
    sideways: orientation >= 5,
    steps: [
      `decoded ${name}, ${width}×${height} ${colours}${metadata.depth === "ushort" ? ", 16 bits" : ""}`,
      ...steps,
    ],
    notes,
  };
}

/** What `readPicture` answers where it needs no decoder for it: a small PNG of the wished size. Null for any other. */
export function readPlainPicture(
  bytes: Uint8Array,
  wish: PictureWish,
  { most = mostPixels }: { most?: number } = {},
): Sample | null {
  const plain = readPlainPng(bytes);
  if (!plain) return null;
  const { height, width, pixels } = plain;
  const channels = wish.channels ?? plain.channels;
  const isWished = (wish.height ?? height) === height && (wish.width ?? width) === width && channels >= plain.channels;
  if (!isWished || height * width > most) return null;
  const isGrey = plain.channels === 1;
  const steps = [`decoded ${kindNames.png}, ${width}×${height} ${isGrey ? "grey" : "RGB"}`];
  const sample = { channels, height, width, decodedPixels: height * width, steps, notes: [] };
  if (!isGrey || channels === 1) return { ...sample, pixels: planes(pixels, channels) };
  steps.push("made RGB");
  const tripled = new Uint8Array(3 * pixels.length);
  for (let channel = 0; channel < 3; channel++) tripled.set(pixels, channel * pixels.length);
  return { ...sample, pixels: tripled };
}

/**
 * Rotated as its EXIF says, flattened onto the background where transparent, made grey or RGB of 8 bits, scaled.
 * `most`: how many pixels it may have before that. Throws PictureError.
 */
export async function readPicture(
  bytes: Uint8Array,
  wish: PictureWish,
  { most = mostPixels }: { most?: number } = {},
): Promise<Sample> {
  const plain = readPlainPicture(bytes, wish, { most });
  if (plain) return plain;
  const { fit, background } = wish;
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const opened = await open(file, most);
  const { colours, steps, notes } = opened;
  let { image } = opened;
  const [inWidth, inHeight] = opened.sideways ? [opened.height, opened.width] : [opened.width, opened.height];
  const channels = wish.channels ?? (colours === "grey" ? 1 : 3);
  const [height, width] = [wish.height ?? inHeight, wish.width ?? inWidth];
  if (opened.turned) steps.push("turned as its EXIF orientation says");
  if (opened.alpha) image = image.flatten({ background });
  if (opened.transparent) {
    steps.push(`transparency laid on ${background}`);
    notes.push(`had transparency, which was laid on ${background}`);
  }
  image = channels === 1 ? image.greyscale().toColourspace("b-w") : image.toColourspace("srgb");
  if (channels === 1 && colours !== "grey") steps.push("made grey");
  if (channels === 3 && colours !== "RGB") steps.push("made RGB");
  if (inWidth !== width || inHeight !== height) {
    image = image.resize({ width, height, fit: fits[fit], background });
    steps.push(`${fitWords[fit]} ${width}×${height}`);
  }
  const raw = await image
    .raw({ depth: "uchar" })
    .timeout({ seconds: mostSeconds })
    .toBuffer({ resolveWithObject: true })
    .catch(cannotBeRead(file, { kind: opened.kind, stage: "pixels" }));
  if (raw.info.channels !== channels)
    throw new PictureError(`it came out with ${raw.info.channels} channels where ${channels} were wanted`);
  return {
    pixels: planes(new Uint8Array(raw.data.buffer, raw.data.byteOffset, raw.data.byteLength), channels),
    channels,
    height,
    width,
    decodedPixels: opened.width * opened.height,
    steps,
    notes,
  };
}
