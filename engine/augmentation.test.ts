import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { augmentation as schema } from "../schemas/augmentation.ts";
import type { z } from "zod";
import { createAugmenter, isIdentity } from "./augmentation.ts";
import { hash, purposes, uniform } from "./random.ts";

const tall = { channels: 1, height: 7, width: 5 };
const colour = { channels: 3, height: 7, width: 5 };
/** Different numbers everywhere, no symmetry. */
const picture = (count: number): Float32Array =>
  Float32Array.from({ length: count }, (_, at) => ((at * 37) % 101) / 7 + 1);

function distorted(
  settings: z.input<typeof schema>,
  options: {
    shape?: typeof tall;
    seed?: number;
    epoch?: number;
    sample?: number;
    input?: Float32Array | Uint8Array;
    fill?: number[];
  } = {},
): Float32Array {
  const shape = options.shape ?? tall;
  const size = shape.channels * shape.height * shape.width;
  const output = new Float32Array(size);
  const augmenter = createAugmenter({
    augmentation: schema.parse(settings),
    shape,
    seed: options.seed ?? 1,
    fill: options.fill ?? Array.from({ length: shape.channels }, () => 0),
  });
  augmenter.apply({
    input: options.input ?? picture(size),
    inputOffset: 0,
    output,
    outputOffset: 0,
    epoch: options.epoch ?? 1,
    sample: options.sample ?? 0,
  });
  return output;
}
const all = { shift: 1.5, rotate: 20, scale: 0.2, flip: true, elastic: { alpha: 4, sigma: 1 } };
const centreOfMass = (image: Float32Array): [number, number] => {
  let mass = 0;
  let row = 0;
  let column = 0;
  for (let at = 0; at < image.length; at++) {
    mass += image[at];
    row += image[at] * Math.floor(at / 5);
    column += image[at] * (at % 5);
  }
  return [row / mass, column / mass];
};

describe("settings that distort nothing", () => {
  it("give the identical numbers", () => {
    expect(distorted({})).toEqual(picture(35));
    expect(isIdentity(schema.parse({ elastic: { alpha: 0 } }))).toBe(true);
  });
  it("give them through the resampling too: a sample that happens not to be mirrored", () => {
    const results = Array.from({ length: 20 }, (_, sample) => distorted({ flip: true }, { sample }));
    const same = results.filter((each) => each.every((value, at) => value === picture(35)[at])).length;
    const mirrored = results.filter((each) =>
      each.every((value, at) => value === picture(35)[at - (at % 5) + 4 - (at % 5)]),
    ).length;
    expect(same + mirrored).toBe(20);
    expect(same).toBeGreaterThan(4);
    expect(mirrored).toBeGreaterThan(4);
  });
});

describe("what each setting does", () => {
  const dot = new Float32Array(35);
  dot[3 * 5 + 2] = 10; // the middle
  it("shift moves the picture by at most so much, both ways on both axes", () => {
    const found = Array.from({ length: 40 }, (_, sample) =>
      centreOfMass(distorted({ shift: 1 }, { input: dot, sample })),
    );
    for (const axis of [0, 1] as const) {
      const moves = found.map((centre) => centre[axis] - (axis === 0 ? 3 : 2));
      expect(Math.max(...moves)).toBeGreaterThan(0.5);
      expect(Math.min(...moves)).toBeLessThan(-0.5);
      expect(Math.max(...moves.map(Math.abs))).toBeLessThanOrEqual(1.000001);
    }
  });
  it("rotation keeps the middle where it is and turns the rest", () => {
    const bar = new Float32Array(35);
    bar.fill(9, 3 * 5, 4 * 5); // the middle row
    for (let sample = 0; sample < 8; sample++) {
      const turned = distorted({ rotate: 45 }, { input: bar, sample });
      expect(turned[3 * 5 + 2]).toBeCloseTo(9, 5);
      const half = (from: number, to: number): number =>
        turned.subarray(from, to).reduce((sum, value, at) => sum + value * ((at % 5) - 2), 0);
      expect(half(0, 15)).toBeCloseTo(-half(20, 35), 4); // antisymmetric about the middle
    }
  });
  it("rotation is one: it keeps lengths, angles and handedness", () => {
    const size = 21;
    const square = { channels: 1, height: size, width: size };
    for (let sample = 0; sample < 6; sample++) {
      // The source of each pixel, read off two ramps; its differences along rows and columns are the columns of the
      // matrix.
      const [rows, columns] = [(at: number) => Math.floor(at / size), (at: number) => at % size].map((value) =>
        distorted(
          { rotate: 180 },
          { shape: square, input: Float32Array.from({ length: size * size }, (_, at) => value(at)), sample },
        ),
      ) as [Float32Array, Float32Array];
      const middle = 10 * size + 10;
      const along = (image: Float32Array): [number, number] => [
        image[middle + size] - image[middle],
        image[middle + 1] - image[middle],
      ];
      const [a, b] = along(rows);
      const [c, d] = along(columns);
      expect(a * a + c * c).toBeCloseTo(1, 4);
      expect(a * b + c * d).toBeCloseTo(0, 4);
      expect(a * d - b * c).toBeCloseTo(1, 4);
    }
  });
  it("size grows and shrinks about the middle", () => {
    const sums = Array.from({ length: 30 }, (_, sample) =>
      distorted({ scale: 0.5 }, { input: dot, sample }).reduce((sum, value) => sum + value, 0),
    );
    expect(Math.max(...sums)).toBeGreaterThan(15); // a dot of one pixel, enlarged
    expect(Math.min(...sums)).toBeCloseTo(10, 4); // shrunk: only the middle pixel still meets it
  });
  it("elastic displacements have Simard's spread and vary smoothly", () => {
    const size = 40;
    const ramp = Float32Array.from({ length: size * size }, (_, at) => at % size);
    const moved = distorted(
      { elastic: { alpha: 34, sigma: 4 } },
      { shape: { channels: 1, height: size, width: size }, input: ramp, fill: [0] },
    );
    const at = (row: number, column: number): number => moved[row * size + column] - column;
    let square = 0;
    let steepest = 0;
    for (let row = 12; row < 28; row++) {
      for (let column = 12; column < 28; column++) {
        square += at(row, column) ** 2 / 256;
        steepest = Math.max(steepest, Math.abs(at(row, column) - at(row, column - 1)));
      }
    }
    // σ of the smoothed field: alpha/√3 · 1/(2·sigma·√π) = 1.38 pixels
    expect(Math.sqrt(square)).toBeGreaterThan(0.5);
    expect(Math.sqrt(square)).toBeLessThan(2.8);
    expect(steepest).toBeLessThan(1.6);
  });
  it("fills what lies outside, channel by channel", () => {
    const output = distorted({ shift: 60 }, { shape: colour, input: picture(105), fill: [-1, 0.5, 2], sample: 3 });
    for (const [channel, value] of [-1, 0.5, 2].entries()) expect(output[channel * 35]).toBe(value);
    expect(() => distorted({ shift: 1 }, { shape: colour, fill: [0] })).toThrow("3 channels");
  });
});

/**
 * The same from the definition, the slow way: homogeneous matrices over (x to the right, y down), a Gaussian of two
 * dimensions, and a picture that is an endless plane of `fill` with tents on its pixels. Shares only where each draw
 * comes from.
 */
function byDefinition(
  settings: z.input<typeof schema>,
  {
    shape,
    input,
    fill,
    epoch,
    sample,
    seed,
  }: { shape: typeof tall; input: ArrayLike<number>; fill: number[]; epoch: number; sample: number; seed: number },
): number[] {
  const { shift, rotate, scale, flip, elastic } = schema.parse(settings);
  const { channels, height, width } = shape;
  const share = (...what: number[]): number => uniform(hash(seed, purposes.augment, epoch, sample, ...what));
  const around = (...what: number[]): number => 2 * share(...what) - 1;
  const [theta, s] = [(rotate * around(2) * Math.PI) / 180, 1 + scale * around(3)];
  const times = (a: number[][], b: number[][]): number[][] =>
    a.map((row) => b[0].map((_, column) => row.reduce((sum, value, at) => sum + value * b[at][column], 0)));
  const move = (x: number, y: number): number[][] => [
    [1, 0, x],
    [0, 1, y],
    [0, 0, 1],
  ];
  const turn = (angle: number): number[][] => [
    [Math.cos(angle), -Math.sin(angle), 0],
    [Math.sin(angle), Math.cos(angle), 0],
    [0, 0, 1],
  ];
  const stretch = (x: number, y: number): number[][] => [
    [x, 0, 0],
    [0, y, 0],
    [0, 0, 1],
  ];
  const centre = [(width - 1) / 2, (height - 1) / 2];
  const steps = [
    move(centre[0], centre[1]),
    stretch(flip && share(4) < 0.5 ? -1 : 1, 1),
    turn(-theta),
    stretch(1 / s, 1 / s),
    move(-shift * around(1), -shift * around(0)),
    move(-centre[0], -centre[1]),
  ];
  const map = steps.reduce(times);
  const displaced = (axis: number, x: number, y: number): number => {
    if (!elastic) return 0;
    const reach = Math.ceil(3 * elastic.sigma);
    let [sum, weights] = [0, 0];
    for (let dy = -reach; dy <= reach; dy++) {
      for (let dx = -reach; dx <= reach; dx++) {
        const weight = Math.exp(-(dx * dx + dy * dy) / (2 * elastic.sigma ** 2));
        weights += weight;
        const inside = x + dx >= 0 && x + dx < width && y + dy >= 0 && y + dy < height;
        if (inside) sum += weight * around(5, axis * height * width + (y + dy) * width + x + dx);
      }
    }
    return (elastic.alpha * sum) / weights;
  };
  const result: number[] = [];
  for (let channel = 0; channel < channels; channel++) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const [[sourceX], [sourceY]] = times(map, [[x], [y], [1]]);
        const at = [sourceX + displaced(1, x, y), sourceY + displaced(0, x, y)];
        let value = fill[channel];
        for (let row = 0; row < height; row++) {
          for (let column = 0; column < width; column++) {
            const tent = Math.max(0, 1 - Math.abs(at[0] - column)) * Math.max(0, 1 - Math.abs(at[1] - row));
            value += tent * (input[(channel * height + row) * width + column] - fill[channel]);
          }
        }
        result.push(value);
      }
    }
  }
  return result;
}

describe("as defined, on three channels of 7×5", () => {
  const fill = [-1, 0.5, 20];
  it.each(
    Object.entries({
      shift: { shift: 2.5 },
      rotate: { rotate: 90 },
      scale: { scale: 0.5 },
      flip: { flip: true },
      "a narrow field": { elastic: { alpha: 3, sigma: 0.7 } },
      "a wide field": { elastic: { alpha: 34, sigma: 4 } },
      all: { shift: 1.5, rotate: 30, scale: 0.3, flip: true, elastic: { alpha: 6, sigma: 1.2 } },
    }),
  )("%s", (_name, settings) => {
    for (let sample = 0; sample < 12; sample++) {
      const place = { shape: colour, input: picture(105), fill, epoch: 1 + (sample % 3), sample, seed: 5 };
      const found = distorted(settings, place);
      const expected = byDefinition(settings, place);
      for (const [at, value] of expected.entries())
        expect(found[at], `sample ${sample}, number ${at}`).toBeCloseTo(value, 4);
    }
  });
  it("half of the samples are mirrored", () => {
    const count = 2000;
    const mirrored = Array.from({ length: count }, (_, sample) => distorted({ flip: true }, { sample })).filter(
      (image) => image[0] !== picture(35)[0],
    ).length;
    expect(Math.abs(mirrored / count - 0.5)).toBeLessThan(4 * Math.sqrt(0.25 / count));
  });
});

describe("crops", () => {
  const moved = (row: number, column: number, input = picture(35)): number[] =>
    Array.from({ length: 35 }, (_, at) => {
      const [r, c] = [Math.floor(at / 5) - row, (at % 5) - column];
      return r < 0 || r > 6 || c < 0 || c > 4 ? -3 : input[r * 5 + c];
    });
  it("shift by whole pixels, each as often as any other, and fill what comes from outside", () => {
    const seen = new Map<string, number>();
    for (let sample = 0; sample < 900; sample++) {
      const found = [...distorted({ crop: 1 }, { sample, fill: [-3] })];
      const shift = [-1, 0, 1]
        .flatMap((row) => [-1, 0, 1].map((column) => [row, column] as const))
        .filter(([row, column]) => moved(row, column).every((value, at) => value === found[at]));
      expect(shift).toHaveLength(1);
      seen.set(String(shift[0]), (seen.get(String(shift[0])) ?? 0) + 1);
    }
    expect(seen.size).toBe(9);
    for (const count of seen.values()) expect(Math.abs(count - 100)).toBeLessThan(4 * Math.sqrt(100));
  });
});

describe("colours", () => {
  const black = [2, 2, 2];
  const input = picture(105);
  const luma = (values: ArrayLike<number>, pixel: number): number =>
    0.299 * values[pixel] + 0.587 * values[pixel + 35] + 0.114 * values[pixel + 70];
  const samples = Array.from({ length: 60 }, (_, sample) => sample);
  const change = (settings: z.input<typeof schema>, sample: number): Float32Array =>
    distorted(settings, { shape: colour, input, sample, fill: black });
  /** The factor that a pair of numbers gives away, and that all numbers must agree on. */
  function factors(settings: z.input<typeof schema>, around: (at: number) => number): number[] {
    return samples.map((sample) => {
      const found = change(settings, sample);
      const factor = (found[0] - around(0)) / (input[0] - around(0));
      for (let at = 0; at < 105; at++) expect(found[at]).toBeCloseTo(around(at) + factor * (input[at] - around(at)), 3);
      return factor;
    });
  }
  const expectSpread = (found: readonly number[], reach: number): void => {
    expect(Math.min(...found)).toBeGreaterThanOrEqual(1 - reach - 1e-4);
    expect(Math.max(...found)).toBeLessThanOrEqual(1 + reach + 1e-4);
    expect(Math.max(...found) - Math.min(...found)).toBeGreaterThan(1.5 * reach);
  };
  it("brightness: the distance from black", () =>
    expectSpread(
      factors({ brightness: 0.4 }, () => 2),
      0.4,
    ));
  it("contrast: the distance from the mean grey", () => {
    const mean = Array.from({ length: 35 }, (_, pixel) => luma(input, pixel)).reduce((a, b) => a + b) / 35;
    expectSpread(
      factors({ contrast: 0.3 }, () => mean),
      0.3,
    );
  });
  it("saturation: the distance from the pixel's grey", () =>
    expectSpread(
      factors({ saturation: 1 }, (at) => luma(input, at % 35)),
      1,
    ));
  it("saturation of pictures that are not coloured changes nothing", () =>
    expect(distorted({ saturation: 1 })).toEqual(picture(35)));
  it("each draws for itself, after the picture was moved", () => {
    const both = { crop: 2, brightness: 0.5, contrast: 0.5, saturation: 0.5 };
    const alone = distorted({ crop: 2 }, { shape: colour, input, sample: 7, fill: black });
    const all = change(both, 7);
    const bright = change({ brightness: 0.5 }, 7);
    const factor = (bright[0] - 2) / (input[0] - 2);
    let grey = 0;
    for (let pixel = 0; pixel < 35; pixel++) grey += luma(alone, pixel) / 35;
    const mean = 2 + factor * (grey - 2);
    // The mean grey keeps its place under contrast and saturation.
    let found = 0;
    for (let pixel = 0; pixel < 35; pixel++) found += luma(all, pixel) / 35;
    expect(found).toBeCloseTo(mean, 3);
    expect([...all]).not.toEqual([...alone]);
  });
});

describe("draws", () => {
  it("repeat for one place and differ by seed, epoch and sample", () => {
    const first = distorted(all);
    expect(distorted(all)).toEqual(first);
    for (const other of [{ seed: 2 }, { epoch: 2 }, { sample: 1 }]) expect(distorted(all, other)).not.toEqual(first);
  });
  it("do not depend on what was distorted before, nor on the offsets", () => {
    const augmenter = createAugmenter({ augmentation: schema.parse(all), shape: colour, seed: 1, fill: [0, 0, 0] });
    const input = new Float32Array(2 * 105 + 4);
    input.set(picture(105), 109);
    const output = new Float32Array(300);
    augmenter.apply({ input, inputOffset: 0, output, outputOffset: 0, epoch: 9, sample: 9 });
    augmenter.apply({ input, inputOffset: 109, output, outputOffset: 150, epoch: 1, sample: 0 });
    expect(output.slice(150, 255)).toEqual(distorted(all, { shape: colour, input: picture(105) }));
    expect(output.subarray(255).every((value) => value === 0)).toBe(true);
  });
  it("treat bytes as the numbers they are", () => {
    const bytes = Uint8Array.from({ length: 35 }, (_, at) => (at * 53) % 256);
    expect(distorted(all, { input: bytes })).toEqual(distorted(all, { input: Float32Array.from(bytes) }));
  });
  it("distort all channels alike", () => {
    const grey = picture(35);
    const output = distorted(all, { shape: colour, input: Float32Array.from([...grey, ...grey, ...grey]) });
    expect(output.slice(35, 70)).toEqual(output.slice(0, 35));
    expect(output.slice(70)).toEqual(output.slice(0, 35));
  });
  it("keep their bits: a model can be trained again only as long as they do", () => {
    const settings = [
      { shift: 2, rotate: 10, scale: 0.1 },
      { flip: true },
      { elastic: { alpha: 34, sigma: 5 } },
      { elastic: { alpha: 120, sigma: 0.3 } },
      all,
    ];
    const shapes = [
      { channels: 1, height: 28, width: 28 },
      { channels: 3, height: 13, width: 18 },
      { channels: 2, height: 1, width: 6 },
      { channels: 1, height: 9, width: 1 },
      tall,
    ];
    const digest = createHash("sha256");
    for (const each of settings)
      for (const shape of shapes)
        for (const sample of [0, 1, 70_000])
          digest.update(distorted(each, { shape, sample, fill: Array.from({ length: shape.channels }, () => -0.7) }));
    expect(digest.digest("hex")).toBe("f38bea3410edcbf370a6b6de3d4274565dfe061212510ea7a1573ebcbd570601");
  });
});
