/** What networks make of an input, and what of them is refused, with its place. */
import { describe, expect, test } from "vitest";
import { network } from "./network.ts";
import { flatShapes, networkShape } from "./network-shape.ts";

const input = { channels: 3, height: 9, width: 6 };
type Spec = Record<string, unknown>;
const three = (maps: number, more: Spec = {}): Spec => ({ kind: "convolution", maps, size: 3, padding: 1, ...more });
const normal = { kind: "batch-normalisation" };
const block = (layers: Spec[], more: Spec = {}): Spec => ({ kind: "residual", layers, ...more });
const shapeOf = (layers: Spec[], from = input) => networkShape(network.parse({ layers }).layers, from, null);
const first = (layers: Spec[], from = input) => shapeOf(layers, from).problems[0];

describe("residual blocks", () => {
  test("x itself where the shape stays, a projection where it changes", () => {
    const { layers, problems } = shapeOf([block([three(3), normal]), block([three(5, { stride: 2 }), normal])]);
    expect(problems).toEqual([]);
    expect(layers).toMatchObject([
      { kind: "residual", output: input, shortcut: "identity", parameters: 3 * 3 * 9 + 3 + 6 },
      {
        output: { channels: 5, height: 5, width: 3 },
        shortcut: "projection",
        parameters: 5 * 3 * 9 + 5 + 10 + (5 * 3 + 5),
        flops: 2 * 5 * 3 * 9 * 15 + 2 * 5 * 3 * 15,
      },
    ]);
    expect(flatShapes(layers).map(({ kind }) => kind)).toEqual([
      ...["convolution", "batch-normalisation", "residual"],
      ...["convolution", "batch-normalisation", "residual"],
    ]);
  });

  test("a projection may be asked for where nothing changes", () =>
    expect(shapeOf([block([three(3)], { shortcut: "projection" })]).layers).toMatchObject([
      { shortcut: "projection", parameters: 84 + 12 },
    ]));

  test("subsampling halves evenly, with its stride", () => {
    expect(first([block([{ kind: "subsampling", factor: 3 }])])).toBeUndefined();
    // ⌊6/4⌋ columns against 1 + ⌊5/4⌋.
    expect(first([block([{ kind: "subsampling", factor: 4 }])])?.pointer).toBe("/layers/0");
  });

  test("shapes that do not add are refused with both of them", () => {
    expect(first([three(3), block([{ kind: "convolution", maps: 4, size: 3 }])])).toEqual({
      pointer: "/layers/1",
      detail:
        "the block's shapes do not add: its layers make 4×7×4 of the 3×9×6 that arrive, but a 1×1 convolution with " +
        "their stride 1 makes 4×9×6 of them: pad the filters so that both have as many rows and columns",
    });
    expect(first([block([three(4)], { shortcut: "identity" })])).toEqual({
      pointer: "/layers/0",
      detail:
        "the block's shapes do not add: its layers make 4×9×6 of the 3×9×6 that arrive, and an identity shortcut adds " +
        '3×9×6; a shortcut of "projection" can change the shape',
    });
    expect(first([block([{ kind: "subsampling", factor: "all" }])])?.detail).toMatch(/3×1×1 of the 3×9×6.*3×9×6/);
  });

  test("what is wrong inside has its place", () => {
    expect(first([block([three(3), { kind: "convolution", maps: 3, size: 20 }])])?.pointer).toBe(
      "/layers/0/layers/1/size",
    );
    expect(first([block([three(3, { activation: "softmax" })], { activation: "relu" })])).toEqual({
      pointer: "/layers/0/layers/0/activation",
      detail: "softmax may stand only at the last layer",
    });
  });

  test("a block within a block is no layer", () => {
    const nested = network.safeParse({ layers: [block([block([three(3)])])] });
    expect(nested.error?.issues[0].path).toEqual(["layers", 0, "layers", 0, "kind"]);
    expect(network.safeParse({ layers: [block([])] }).error?.issues[0].message).toMatch(/at least one layer/);
  });
});

describe("whole maps", () => {
  test.each([
    [{ channels: 4, height: 9, width: 6 }],
    [{ channels: 4, height: 1, width: 1 }],
    [{ channels: 4, height: 100, width: 3 }],
  ])("of %j become single pixels", (from) =>
    expect(shapeOf([{ kind: "subsampling", factor: "all" }], from).layers[0].output).toEqual({
      channels: 4,
      height: 1,
      width: 1,
    }),
  );
});

test("a padded filter that covers its map leaves one pixel, as any other filter would", () =>
  expect(
    shapeOf([{ kind: "convolution", maps: 2, size: 5, padding: 1 }], { channels: 1, height: 3, width: 3 }).layers[0]
      .output,
  ).toEqual({ channels: 2, height: 1, width: 1 }));

test("a normalisation may be the last layer with an activation of its own", () =>
  expect(
    networkShape(
      network.parse({
        layers: [
          { kind: "dense", units: 4 },
          { ...normal, activation: "softmax" },
        ],
      }).layers,
      input,
      4,
    ).problems,
  ).toEqual([]));
