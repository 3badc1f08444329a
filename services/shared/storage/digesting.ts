/** A stream that counts and hashes what passes, and one that refuses to end where the digest does not agree. */
import { createHash } from "node:crypto";
import { Transform } from "node:stream";
import { setImmediate as others } from "node:timers/promises";
import { StorageError } from "./storage.ts";
import type { Digest } from "./storage.ts";

/** Hashed in about a millisecond. */
const sliceBytes = 1024 * 1024;

/** A slice at a time: weights of hundreds of megabytes must not hold up the process. */
export async function digestOf(content: Uint8Array): Promise<Digest> {
  const hash = createHash("sha256");
  for (let from = 0; from < content.byteLength; from += sliceBytes) {
    if (from > 0) await others();
    hash.update(content.subarray(from, from + sliceBytes));
  }
  return { sha256: hash.digest("hex"), bytes: content.byteLength };
}

export const agrees = (found: Digest, expected: readonly Digest[]): boolean =>
  expected.some((each) => each.sha256 === found.sha256 && each.bytes === found.bytes);

export function damaged(key: string, found: Digest, expected: readonly Digest[]): StorageError {
  const wanted =
    expected.map((each) => `${each.bytes} bytes with digest ${each.sha256.slice(0, 16)}…`).join(" or ") ||
    "a digest beside it";
  return new StorageError(
    "damaged",
    key,
    `${key} is damaged: ${found.bytes} bytes with digest ${found.sha256.slice(0, 16)}… found, ${wanted} expected`,
  );
}

export function meter(): { stream: Transform; digest: () => Digest } {
  const hash = createHash("sha256");
  let bytes = 0;
  let final: Digest | null = null;
  const stream = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      bytes += chunk.length;
      done(null, chunk);
    },
  });
  return { stream, digest: () => (final ??= { sha256: hash.digest("hex"), bytes }) };
}

/** Passes bytes on; at the end compares them with the digests that are allowed. */
export function comparing(key: string, expected: readonly Digest[]): Transform {
  const hash = createHash("sha256");
  let bytes = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      bytes += chunk.length;
      done(null, chunk);
    },
    flush(done) {
      const found = { sha256: hash.digest("hex"), bytes };
      done(agrees(found, expected) ? null : damaged(key, found, expected));
    },
  });
}
