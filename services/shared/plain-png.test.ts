import { deflateSync, crc32 } from "node:zlib";
import sharp from "sharp";
import { expect, test } from "vitest";
import { readPlainPicture, readPicture } from "./pictures.ts";
import { readPlainPng } from "./plain-png.ts";

const [width, height] = [7, 5];
const shadeAt = (at: number): number => (at * 89 + (at % 7) * 31 + 3) % 256;

function chunk(type: string, data: Uint8Array): Buffer {
  const bytes = Buffer.alloc(12 + data.length);
  bytes.writeUInt32BE(data.length, 0);
  bytes.write(type, 4, "latin1");
  bytes.set(data, 8);
  bytes.writeUInt32BE(crc32(bytes.subarray(4, 8 + data.length)), 8 + data.length);
  return bytes;
}

interface Given {
  colours?: number;
  depth?: number;
  interlace?: number;
  /** The filter of each row; what is behind it is any bytes, and so a picture. */
  filters?: readonly number[];
  rowBytes?: number;
  before?: readonly Buffer[];
  behind?: Buffer;
}

function png({
  colours = 0,
  depth = 8,
  interlace = 0,
  filters = [0, 1, 2, 3, 4],
  rowBytes = width * (colours === 2 ? 3 : 1),
  before = [],
  behind = Buffer.alloc(0),
}: Given = {}): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([depth, colours, 0, 0, interlace], 8);
  const rows = filters.map((filter, row) =>
    Buffer.from([filter, ...Array.from({ length: rowBytes }, (_, at) => shadeAt(row * rowBytes + at))]),
  );
  const packed = deflateSync(Buffer.concat(rows));
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  // Two pieces: what is packed may be cut anywhere.
  const data = [chunk("IDAT", packed.subarray(0, 9)), chunk("IDAT", packed.subarray(9))];
  return Buffer.concat([signature, chunk("IHDR", header), ...before, ...data, chunk("IEND", Buffer.alloc(0)), behind]);
}

const as = (channels: 1 | 3 | null) => ({ channels, height, width, fit: "stretch", background: "black" }) as const;
const text = chunk("tEXt", Buffer.from("Title\0a picture"));
const linear = chunk("gAMA", Buffer.from([0, 1, 0x86, 0xa0]));

test.each([
  ["grey, each filter", { colours: 0 }, 1],
  ["grey, a filter above the first row", { colours: 0, filters: [4, 3, 2, 1, 0] }, 1],
  ["RGB, each filter", { colours: 2 }, 3],
  ["RGB, the average first", { colours: 2, filters: [3, 4, 4, 2, 1] }, 3],
  ["with a text and a gamma", { before: [text, linear] }, 1],
] as const)("%s: the pixels that the decoder finds", async (_what, given, channels) => {
  const bytes = png(given);
  const decoded = await sharp(bytes)
    .toColourspace(channels === 1 ? "b-w" : "srgb")
    .raw()
    .toBuffer();
  expect([...(readPlainPng(bytes)?.pixels ?? [])]).toEqual([...decoded]);
});

test("a grey picture is made RGB in the words of the decoder", async () => {
  const plain = readPlainPicture(png(), as(3));
  // A chunk of one's own is nothing that this reader knows: the decoder gets it.
  const decoded = await readPicture(png({ before: [chunk("prVt", Buffer.from("x"))] }), as(3));
  expect(plain && { ...plain, pixels: [...plain.pixels] }).toEqual({ ...decoded, pixels: [...decoded.pixels] });
});

const damaged = png();
damaged[50] ^= 1;

test.each([
  ["interlaced", png({ interlace: 1 })],
  ["16 bits", png({ depth: 16, rowBytes: width * 2 })],
  ["a palette", png({ colours: 3 })],
  ["grey with transparency", png({ colours: 4, rowBytes: width * 2 })],
  ["one shade is transparent", png({ before: [chunk("tRNS", Buffer.from([0, 3]))] })],
  ["a colour profile", png({ before: [chunk("iCCP", Buffer.from("x"))] })],
  ["turned", png({ before: [chunk("eXIf", Buffer.from("x"))] })],
  ["animated", png({ before: [chunk("acTL", Buffer.alloc(8))] })],
  ["a bit that fell over", damaged],
  ["a filter that there is not", png({ filters: [0, 1, 2, 3, 5] })],
  ["a row too few", png({ filters: [0, 1, 2, 3] })],
  ["a row too many", png({ filters: [0, 1, 2, 3, 4, 0] })],
  ["broken off", png().subarray(0, -1)],
  ["something behind it", png({ behind: Buffer.from("x") })],
  ["no picture", Buffer.from("no picture")],
] as const)("%s: left to the decoder", (_what, bytes) => {
  expect(readPlainPng(bytes)).toBeNull();
});

test("of another size, or to be made grey: left to the decoder", () => {
  expect(readPlainPicture(png(), { ...as(1), height: height + 1 })).toBeNull();
  expect(readPlainPicture(png({ colours: 2 }), as(1))).toBeNull();
  expect(readPlainPicture(png(), as(1), { most: height * width - 1 })).toBeNull();
  expect(readPlainPicture(png(), as(null))?.channels).toBe(1);
});
