/** BMP in the forms that programs write, and broken ones. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeBmp, readBmpHeader } from "./bmp.ts";
import type { RawPicture } from "./bmp.ts";
import { PictureError } from "./picture-header.ts";

const [width, height] = [5, 3];
/** [row][column] of red, green, blue, no two alike, of values that five bits hold. */
const colour = (row: number, column: number): [number, number, number] => [row * 66, column * 33, 255 - row * 33];

interface Form {
  bits: number;
  topDown?: boolean;
  compression?: number;
  palette?: number[][];
  masks?: number[];
  /** The bits of one pixel. */
  pixel: (row: number, column: number) => number;
}

function bmp({ bits, topDown = false, compression = 0, palette = [], masks = [], pixel }: Form): Buffer {
  const rowBytes = Math.ceil((width * bits) / 32) * 4;
  const pixelsAt = 54 + masks.length * 4 + palette.length * 4;
  const bytes = Buffer.alloc(Math.max(70, pixelsAt + rowBytes * height));
  bytes.write("BM", 0, "latin1");
  bytes.writeUInt32LE(pixelsAt, 10);
  bytes.writeUInt32LE(40, 14);
  bytes.writeInt32LE(width, 18);
  bytes.writeInt32LE(topDown ? -height : height, 22);
  bytes.writeUInt16LE(1, 26);
  bytes.writeUInt16LE(bits, 28);
  bytes.writeUInt32LE(compression, 30);
  bytes.writeUInt32LE(palette.length, 46);
  for (const [at, mask] of masks.entries()) bytes.writeUInt32LE(mask, 54 + 4 * at);
  for (const [at, [red, green, blue]] of palette.entries())
    bytes.set([blue, green, red], 54 + masks.length * 4 + 4 * at);
  for (let row = 0; row < height; row++)
    for (let column = 0; column < width; column++) {
      const value = pixel(row, column);
      const from = pixelsAt + (topDown ? row : height - 1 - row) * rowBytes;
      if (bits < 8) bytes[from + ((column * bits) >> 3)] |= value << (8 - bits - ((column * bits) & 7));
      else bytes.writeUIntLE(value, from + (column * bits) / 8, bits / 8);
    }
  return bytes;
}

const decode = (bytes: Buffer): Promise<RawPicture> => decodeBmp(bytes, readBmpHeader(bytes));
const places = Array.from({ length: height * width }, (_, at): [number, number] => [
  Math.floor(at / width),
  at % width,
]);
const asWord = (row: number, column: number): number => {
  const [red, green, blue] = colour(row, column);
  return red * 65_536 + green * 256 + blue;
};
const fiveBits = (row: number, column: number): number => {
  const [red, green, blue] = colour(row, column).map((value) => Math.round((value * 31) / 255));
  return red * 1024 + green * 32 + blue;
};

describe("decodeBmp", () => {
  it.each<[string, Form]>([
    ["24 bits, the lowest row first", { bits: 24, pixel: asWord }],
    ["24 bits from the top", { bits: 24, topDown: true, pixel: asWord }],
    ["32 bits whose last byte says nothing", { bits: 32, pixel: asWord }],
    [
      "a palette of 8 bits",
      {
        bits: 8,
        palette: places.map(([row, column]) => colour(row, column)),
        pixel: (row, column) => row * width + column,
      },
    ],
    [
      "a palette of 4 bits",
      {
        bits: 4,
        palette: places.map(([row, column]) => colour(row, column)),
        pixel: (row, column) => row * width + column,
      },
    ],
    [
      "bit fields of 32 bits in another order",
      {
        bits: 32,
        compression: 3,
        masks: [0xff, 0xff00, 0xff0000],
        pixel: (row, column) => {
          const [red, green, blue] = colour(row, column);
          return blue * 65_536 + green * 256 + red;
        },
      },
    ],
  ])("reads %s", async (_what, form) => {
    const picture = await decode(bmp(form));
    expect([picture.width, picture.height, picture.channels]).toEqual([width, height, 3]);
    expect([...picture.pixels]).toEqual(places.flatMap(([row, column]) => colour(row, column)));
  });
  it("stretches five bits to eight, and takes two colours for what they are", async () => {
    const { pixels } = await decode(bmp({ bits: 16, pixel: fiveBits }));
    for (const [at, [row, column]] of places.entries())
      for (const [channel, value] of colour(row, column).entries())
        expect(Math.abs(pixels[3 * at + channel] - value)).toBeLessThanOrEqual(4);
    const two = await decode(
      bmp({
        bits: 1,
        palette: [
          [9, 8, 7],
          [1, 2, 3],
        ],
        pixel: (row, column) => (row + column) % 2,
      }),
    );
    expect([...two.pixels.subarray(0, 6)]).toEqual([9, 8, 7, 1, 2, 3]);
  });
  it("keeps what can be seen through", async () => {
    const bytes = bmp({
      bits: 32,
      compression: 6,
      masks: [0xff0000, 0xff00, 0xff, 0xff000000],
      pixel: (row, column) => asWord(row, column) + 128 * 2 ** 24,
    });
    const { channels, pixels } = await decode(bytes);
    expect([channels, ...pixels.subarray(0, 4)]).toEqual([4, ...colour(0, 0), 128]);
  });
  it.each<[string, Buffer, RegExp]>([
    ["half of one", bmp({ bits: 24, pixel: asWord }).subarray(0, 80), /breaks off before its last row/],
    ["a head alone", bmp({ bits: 24, pixel: asWord }).subarray(0, 40), /breaks off in its header/],
    ["run lengths", bmp({ bits: 8, compression: 1, pixel: () => 0 }), /compression: RLE of 8 bits/],
    [
      "a colour that is not in the palette",
      bmp({ bits: 8, palette: [[1, 2, 3]], pixel: () => 5 }),
      /the colour 5 of 1/,
    ],
  ])("refuses %s", async (_what, bytes, words) => {
    await expect(async () => decode(bytes)).rejects.toThrow(words);
  });
  it("ends any mutation as a picture or as a refusal", async () => {
    const whole = bmp({
      bits: 8,
      palette: places.map(([row, column]) => colour(row, column)),
      pixel: (row, column) => row + column,
    });
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { maxLength: 6 }), async (changes) => {
        const bytes = Buffer.from(whole);
        for (const [at, value] of changes) bytes[at] = value;
        try {
          const header = readBmpHeader(bytes);
          if (header.width * header.height < 1e6) await decodeBmp(bytes, header);
        } catch (error) {
          expect(error).toBeInstanceOf(PictureError);
        }
      }),
      { numRuns: 300 },
    );
  });
});
