import { describe, expect, it } from "vitest";
import { isLightOnDark, toSample, type Form, type Pixels } from "./picture.ts";

const grey = { channels: 1, height: 7, width: 5 };
const bytes = { minimum: 0, maximum: 255 };

const form = (background: string, fit: Form["conversion"]["fit"] = "fit"): Form => ({
  input: grey,
  range: bytes,
  conversion: { channels: 1, height: 7, width: 5, fit, background, range: bytes },
});

/** A picture of one grey and one opacity. */
const evenly = (width: number, height: number, [shade, alpha]: [number, number]): Pixels => ({
  width,
  height,
  data: Uint8ClampedArray.from({ length: 4 * width * height }, (_, at) => (at % 4 === 3 ? alpha : shade)),
});

describe("a picture in the browser", () => {
  it.each([
    ["black", 0],
    ["white", 255],
    ["#808080", 128],
  ])("is laid on %s where it is transparent", (background, shade) => {
    const seen = (alpha: number) => new Set(toSample(evenly(5, 7, [200, alpha]), form(background)));
    expect(seen(255)).toEqual(new Set([200]));
    expect(seen(0)).toEqual(new Set([shade]));
    expect(seen(51)).toEqual(new Set([Math.round(0.2 * 200 + 0.8 * shade)]));
  });

  it("has its background beside it where it is fitted, and none where it is cropped", () => {
    // 20×8 in 5×7 is 5×2: rows are left free above and below.
    const wide = evenly(20, 8, [100, 255]);
    const rows = (fit: "fit" | "crop") => {
      const sample = toSample(wide, form("white", fit));
      return Array.from({ length: 7 }, (_, row) => [...sample.subarray(row * 5, row * 5 + 5)]);
    };
    expect([rows("fit")[0], rows("fit")[3], rows("fit")[6]]).toEqual([
      new Array(5).fill(255),
      new Array(5).fill(100),
      new Array(5).fill(255),
    ]);
    expect(new Set(rows("crop").flat())).toEqual(new Set([100]));
  });
});

describe("the paper", () => {
  const normalisation = (kind: "standardise" | "unit", mean: number) => ({ kind, mean: [mean], std: [1] });
  it("is dark where the training data was", () => {
    const of = { ...form("white"), normalisation: normalisation("standardise", 30) };
    expect(isLightOnDark(of)).toBe(true);
    expect(isLightOnDark({ ...of, normalisation: normalisation("standardise", 230) })).toBe(false);
  });
  it("goes by the data's own range", () => {
    const range = { minimum: 0, maximum: 1 };
    expect(isLightOnDark({ ...form("black"), range, normalisation: normalisation("standardise", 0.9) })).toBe(false);
  });
  it("goes by the background where no mean was kept", () => {
    const light = (background: string) =>
      isLightOnDark({ ...form(background), normalisation: normalisation("unit", 0) });
    expect([light("black"), light("white"), light("#ffeecc")]).toEqual([true, false, false]);
  });
});
