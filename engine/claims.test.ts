import { expect, test } from "vitest";
import { Claims, claimInts } from "./claims.ts";

const claimsOf = (words = new Int32Array(new SharedArrayBuffer(4 * claimInts(3)))): Claims =>
  new Claims({ words, batchSize: 3 });

test("a sample is taken once a batch, and a late comer takes nothing", () => {
  const claims = claimsOf();
  for (const batch of [5, 6, 7, 8]) {
    for (const place of [0, 1, 2]) {
      expect(claims.take(batch, place)).toBe(true);
      expect(claims.take(batch, place)).toBe(false);
      claims.finish(batch, place);
      expect(claims.take(batch, place)).toBe(false);
      expect(claims.take(batch - 2, place)).toBe(false);
    }
  }
});

test("batches may be numbered beyond 2³²", () => {
  for (const first of [2 ** 29 - 2, 2 ** 30 - 2, 2 ** 31 - 2, 2 ** 32 - 2, 2 ** 40]) {
    const claims = claimsOf();
    for (let batch = first; batch < first + 6; batch++) {
      expect(claims.take(batch, 1)).toBe(true);
      expect(claims.take(batch, 1)).toBe(false);
      claims.finish(batch, 1);
      claims.await(batch, 1);
      expect(claims.take(batch, 1)).toBe(false);
    }
    expect(claims.take(first + 3, 1)).toBe(false);
  }
});

test("what is announced is heard with its epoch, and the end too", () => {
  const claims = claimsOf();
  claims.announce(3, 41);
  expect([claims.next(0), claims.epoch, claims.ended]).toEqual([42, 3, false]);
  claims.end();
  expect([claims.next(42), claims.ended]).toEqual([43, true]);
});
