/** Emoji in colour by category, as an npm package has them: 64×64 on white. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import type { LabelledSplits } from "../training.ts";
import { collect, isTested, type Labelled } from "./collect.ts";

interface Emoji {
  image: string;
  category: string;
  short_name: string;
  has_img_twitter: boolean;
}

/** In the order of their classes. */
export const emojiCategories: readonly string[] = [
  "Activities",
  "Animals & Nature",
  "Flags",
  "Food & Drink",
  "Objects",
  "People & Body",
  "Smileys & Emotion",
  "Symbols",
  "Travel & Places",
];

/** `folder`: of the package emoji-datasource-twitter. */
export async function makeEmoji(folder: string, side: 32 | 64): Promise<LabelledSplits> {
  const all = (JSON.parse(await readFile(join(folder, "emoji.json"), "utf8")) as Emoji[]).filter(
    ({ category, has_img_twitter }) => has_img_twitter && emojiCategories.includes(category),
  );
  const found: Record<"train" | "test", Labelled[]> = { train: [], test: [] };
  for (const { image, category, short_name } of all) {
    const rows = await sharp(join(folder, "img/twitter/64", image))
      .flatten({ background: "white" })
      .resize(side, side)
      .toColourspace("srgb")
      .raw()
      .toBuffer();
    const plane = side * side;
    const sample = new Uint8Array(3 * plane);
    for (let at = 0; at < 3 * plane; at++) sample[(at % 3) * plane + Math.floor(at / 3)] = rows[at] ?? 0;
    found[isTested(short_name) ? "test" : "train"].push({ label: emojiCategories.indexOf(category), sample });
  }
  const shape = { channels: 3, height: side, width: side };
  return { classes: emojiCategories.length, train: collect(shape, found.train), test: collect(shape, found.test) };
}
