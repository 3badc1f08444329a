/** A stream that counts and hashes what passes, and one that refuses to end where the digest does not agree. */
import { createHash } from "node:crypto";
import { Transform } from "node:stream";
import { StorageError } from "./storage.ts";
import type { Digest } from "./storage.ts";

export const digestOf = (content: Uint8Array): Digest => ({
  sha256: createHash("sha256").update(content).digest("hex"),
  bytes: content.byteLength,
});

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
