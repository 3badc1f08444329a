import { describe, expect, test } from "vitest";
import { splitNames } from "../schemas/dataset.ts";
import { decode, encode, stepKinds } from "./commands.ts";
import type { Command } from "./commands.ts";

const commands: Command[] = [
  { kind: "rest" },
  { kind: "end" },
  ...splitNames.map((split): Command => ({ kind: "evaluate", part: { split, first: 8192, count: 77 } })),
  ...stepKinds.flatMap((kind): Command[] =>
    [true, false].map((withNorm) => ({ kind: "step", step: { kind, start: 54, epoch: 3, withNorm } })),
  ),
];

describe("a command survives its words", () => {
  test.each(commands)("%j", (command) => expect(decode(encode(command))).toEqual(command));
  test("whatever an earlier command left behind them", () =>
    expect(decode([...encode({ kind: "rest" }), 9, 9, 9, 9])).toEqual({ kind: "rest" }));
});

test.each([[[7]], [[1, 5, 0, 1, 0]], [[2, 3, 0, 8]]])("%j is no command", (words) =>
  expect(() => decode(words)).toThrow(/is no (command|kind of a step|split)/),
);
