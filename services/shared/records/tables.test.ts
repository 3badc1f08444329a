import { expect, test } from "vitest";
import type { Network } from "../../../schemas/network.ts";
import { withTables, withoutTables } from "./tables.ts";

const table = (maps: number, inputs: number): number[][] =>
  Array.from({ length: maps }, (_, map) => Array.from({ length: inputs }, (__, input) => (map + input) % inputs));

test("long tables are taken out and put back into their places, short ones stay", async () => {
  const layers = [
    { kind: "convolution", maps: 4, size: 3, inputs: [[0], [1]] },
    { kind: "convolution", maps: 40, size: 1, inputs: table(40, 7) },
    { kind: "subsampling", factor: 2 },
    { kind: "block", layers: [{ kind: "convolution", maps: 50, size: 1, inputs: table(50, 40) }] },
  ];
  const network = { layers } as unknown as Network;
  const { network: summary, tables } = await withoutTables(network);
  expect(summary.layers.map(({ inputs, layers: inner }) => inputs ?? inner)).toEqual([
    [[0], [1]],
    { connections: 280 },
    undefined,
    [{ kind: "convolution", maps: 50, size: 1, inputs: { connections: 2000 } }],
  ]);
  expect(await withTables(summary, tables)).toEqual(network);
  expect(await withoutTables({ layers: layers.slice(0, 1) } as unknown as Network)).toMatchObject({ tables: null });
});
