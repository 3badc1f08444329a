/** Folders of pictures that a small network can tell apart: a bright half above or below, of odd sizes. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";

export const pictureClasses = ["cat", "dog"] as const;

async function picture(label: number, index: number): Promise<Buffer> {
  const [width, height] = [13 + (index % 5), 11 + (index % 3)];
  const pixels = Buffer.alloc(width * height * 3, 30);
  for (let row = 0; row < height; row++)
    for (let column = 0; column < width; column++) {
      const bright = label === 0 ? row < height / 2 : row >= height / 2;
      const noise = (row * 31 + column * 17 + index * 7) % 40;
      if (bright) pixels.fill(190 + noise, (row * width + column) * 3, (row * width + column) * 3 + 3);
    }
  return sharp(pixels, { raw: { width, height, channels: 3 } })
    .png()
    .toBuffer();
}

/** `count` of each class, in a folder for each. */
export async function writePictures(folder: string, count = 40): Promise<void> {
  for (const [label, name] of pictureClasses.entries()) {
    await mkdir(join(folder, name), { recursive: true });
    for (let index = 0; index < count; index++)
      await writeFile(join(folder, name, `${index}.png`), await picture(label, index));
  }
}
