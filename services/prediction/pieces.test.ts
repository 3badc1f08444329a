import { expect, it } from "vitest";
import { copyPieces, piecesOf } from "./pieces.ts";

const bytes = Uint8Array.from({ length: 23 }, (_, index) => index + 1);

it.each([
  ["one piece", [23]],
  ["pieces that end anywhere", [1, 7, 0, 2, 13]],
  ["pieces of one byte", Array.from({ length: 23 }, () => 1)],
])("copies any part out of %s", (_name, lengths) => {
  let at = 0;
  const whole = piecesOf(lengths.map((length) => bytes.subarray(at, (at += length))));
  expect(whole.byteLength).toBe(23);
  for (let from = 0; from <= 23; from++)
    for (let length = 0; from + length <= 23; length++) {
      const target = new Uint8Array(25).fill(99);
      copyPieces(whole, from, length, target);
      expect([...target]).toEqual([...bytes.subarray(from, from + length), ...new Array<number>(25 - length).fill(99)]);
    }
});

it("takes numbers by their bytes", () => {
  const whole = piecesOf([Float32Array.of(1, 2), Float32Array.of(3)]);
  const target = new Float32Array(2);
  copyPieces(whole, 4, 8, new Uint8Array(target.buffer));
  expect([whole.dtype, ...target]).toEqual(["float32", 2, 3]);
});
