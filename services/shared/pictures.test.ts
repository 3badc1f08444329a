import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { PictureError, pictureKind, readPicture } from "./pictures.ts";

const grey = { channels: 1, height: 5, width: 7, fit: "stretch", background: "black" } as const;
/** 7×5 pixels counting upwards from 0 in steps of 7. */
const counting = Uint8Array.from({ length: 35 }, (_, index) => index * 7);
const greyPng = () =>
  sharp(counting, { raw: { width: 7, height: 5, channels: 1 } })
    .toColourspace("b-w")
    .png()
    .toBuffer();

describe("readPicture", () => {
  it("keeps the pixels of a grey PNG of the right size", async () => {
    const { pixels, steps } = await readPicture(await greyPng(), grey);
    expect([...pixels]).toEqual([...counting]);
    expect(steps).toEqual(["decoded PNG, 7×5 grey"]);
  });
  it("gives RGB as planes", async () => {
    const interleaved = Uint8Array.from({ length: 105 }, (_, index) => (index % 3) * 100);
    const bytes = await sharp(interleaved, { raw: { width: 7, height: 5, channels: 3 } })
      .png()
      .toBuffer();
    const { pixels } = await readPicture(bytes, { ...grey, channels: 3 });
    expect([...pixels.subarray(0, 35)]).toEqual(Array(35).fill(0));
    expect([...pixels.subarray(70)]).toEqual(Array(35).fill(200));
  });
  it("keeps channels and size where none are wished", async () => {
    const { channels, height, width } = await readPicture(await greyPng(), {
      channels: null,
      height: null,
      width: null,
      fit: "fit",
      background: "black",
    });
    expect([channels, height, width]).toEqual([1, 5, 7]);
  });
  it("makes grey pictures RGB where the dataset is", async () => {
    const { pixels } = await readPicture(await greyPng(), { ...grey, channels: 3 });
    expect([...pixels.subarray(35, 70)]).toEqual([...counting]);
  });
  it("lays transparency on black, scales, and says so", async () => {
    const bytes = await sharp({
      create: { width: 20, height: 10, channels: 4, background: { r: 255, g: 255, b: 255, alpha: 0 } },
    })
      .png()
      .toBuffer();
    const { pixels, steps } = await readPicture(bytes, {
      channels: 1,
      height: 5,
      width: 7,
      fit: "fit",
      background: "black",
    });
    expect(Math.max(...pixels)).toBe(0);
    expect(steps).toEqual(["decoded PNG, 20×10 RGB", "transparency laid on black", "made grey", "fitted into 7×5"]);
  });
  it("turns a JPEG as its EXIF says", async () => {
    const upright = await sharp({ create: { width: 16, height: 8, channels: 3, background: "#fff" } })
      .composite([{ input: { create: { width: 8, height: 8, channels: 3, background: "#000" } }, left: 0, top: 0 }])
      .withMetadata({ orientation: 6 })
      .jpeg({ quality: 100 })
      .toBuffer();
    const { pixels } = await readPicture(upright, {
      channels: 1,
      height: 16,
      width: 8,
      fit: "stretch",
      background: "black",
    });
    expect(pixels[3]).toBeLessThan(20);
    expect(pixels[15 * 8 + 3]).toBeGreaterThan(235);
  });
  it("reads 16 bits and CMYK", async () => {
    const deep = await sharp({ create: { width: 7, height: 5, channels: 3, background: "#808080" } })
      .toColourspace("rgb16")
      .png()
      .toBuffer();
    expect((await readPicture(deep, grey)).pixels[0]).toBe(128);
    const cmyk = await sharp({ create: { width: 7, height: 5, channels: 3, background: "#ffffff" } })
      .toColourspace("cmyk")
      .jpeg()
      .toBuffer();
    expect((await readPicture(cmyk, grey)).pixels[0]).toBeGreaterThan(240);
  });
  it.each([
    ["text", Buffer.from("hello, I am no picture")],
    ["nothing", Buffer.alloc(0)],
    ["a PNG's first bytes alone", Buffer.from("89504e470d0a1a0a00", "hex")],
    ["an SVG", Buffer.from("<svg xmlns='http://www.w3.org/2000/svg'/>")],
  ])("refuses %s", async (_name, bytes) => expect(readPicture(bytes, grey)).rejects.toThrow(PictureError));
  it("refuses a truncated picture", async () => {
    const noise = Uint8Array.from({ length: 90_000 }, (_, index) => (index * 7919) % 251);
    const whole = await sharp(noise, { raw: { width: 300, height: 300, channels: 1 } })
      .png()
      .toBuffer();
    await expect(readPicture(whole.subarray(0, whole.length / 2), grey)).rejects.toThrow(PictureError);
  });
  const noisy = () =>
    sharp(
      Uint8Array.from({ length: 945 }, (_, at) => (at * 7919) % 251),
      { raw: { width: 21, height: 15, channels: 3 } },
    );
  const whole = {
    PNG: () => noisy().png(),
    JPEG: () => noisy().jpeg(),
    WebP: () => noisy().webp(),
    GIF: () => noisy().gif(),
  };
  /** What is said of the bytes. */
  const refusal = async (bytes: Buffer): Promise<string> => {
    const error: unknown = await readPicture(bytes, grey).catch((thrown: unknown) => thrown);
    if (!(error instanceof PictureError)) throw new Error("it was read");
    expect(error.cause).toBeInstanceOf(Error);
    return error.message;
  };
  const said = (name: string, fault: string): RegExp =>
    new RegExp(`^found a ${name} that cannot be read: ${fault}; expected a complete picture$`);
  it.each(Object.entries(whole))("says where a %s breaks off, wherever it does", async (name, make) => {
    const bytes = await make().toBuffer();
    for (const length of [16, 30, 50, 100, 200, bytes.length >> 1, bytes.length - 20])
      expect(await refusal(bytes.subarray(0, length))).toMatch(
        said(name, `it breaks off after ${length} bytes, (behind|before|in|of) [a-zA-Z0-9 ]+`),
      );
  });
  it("says which part of a picture is damaged", async () => {
    const png = await whole.PNG().toBuffer();
    const damaged = (at: number) => Buffer.from(png.map((byte, index) => (index === at ? byte ^ 0x55 : byte)));
    expect(await refusal(damaged(20))).toMatch(said("PNG", "the checksum of its header at byte 8 is wrong"));
    const pixels = png.indexOf("IDAT") - 4;
    expect(await refusal(damaged(pixels + 20))).toMatch(
      said("PNG", `the checksum of its pixels at byte ${pixels} is wrong`),
    );
    expect(await refusal(damaged(pixels + 4))).toMatch(/its part .DAT|begins no part of a PNG/);
    const webp = await whole.WebP().toBuffer();
    expect(await refusal(Buffer.from(webp.map((byte, at) => (at > 20 ? byte ^ 0x55 : byte))))).toMatch(
      said("WebP", "its (header is|pixels are) damaged"),
    );
    const jpeg = await whole.JPEG().toBuffer();
    expect(
      await refusal(
        Buffer.concat([jpeg.subarray(0, 2), Buffer.from("ffe000040000aaaaaaaa", "hex"), jpeg.subarray(20)]),
      ),
    ).toMatch(said("JPEG", "at byte 8 begins no part of a JPEG"));
    expect(await refusal(Buffer.concat([jpeg.subarray(0, 2), Buffer.from("ffd9", "hex")]))).toMatch(
      said("JPEG", "it ends before its pixels"),
    );
  });
  it("refuses too many pixels by its header alone", async () => {
    const huge = Buffer.from(await greyPng());
    huge.writeUInt32BE(30_000, 16);
    huge.writeUInt32BE(30_000, 20);
    await expect(readPicture(huge, grey)).rejects.toThrow(/expected at most MAX_PIXELS/);
  });
  it("tells kinds by their bytes", () => {
    expect(pictureKind(Buffer.from("GIF89a..."))).toBe("gif");
    expect(pictureKind(Buffer.from("RIFF1234WEBP"))).toBe("webp");
    expect(pictureKind(Buffer.from("BM is how this text begins"))).toBeNull();
    expect(pictureKind(Buffer.from("II*\0"))).toBeNull();
  });
});
