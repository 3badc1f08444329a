/** Samples as they came: one after another, in pieces that need not end where a sample does. */
import type { Dtype } from "../../schemas/dataset.ts";
import type { Samples } from "./protocol.ts";

export interface Pieces {
  dtype: Dtype;
  /** Bytes; float32 little-endian. */
  pieces: readonly Uint8Array[];
  byteLength: number;
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Samples): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);

/** Lists of samples of one kind. */
export function piecesOf(lists: readonly Samples[]): Pieces {
  const pieces = lists.map(bytesOf);
  return {
    dtype: lists[0] instanceof Float32Array ? "float32" : "uint8",
    pieces,
    byteLength: pieces.reduce((sum, { length }) => sum + length, 0),
  };
}

/** Copies `length` bytes from `from` on to the start of `target`. */
export function copyPieces({ pieces }: Pieces, from: number, length: number, target: Uint8Array): void {
  let skip = from;
  let at = 0;
  for (const piece of pieces) {
    if (at === length) return;
    if (skip >= piece.length) {
      skip -= piece.length;
      continue;
    }
    const end = Math.min(piece.length, skip + length - at);
    target.set(skip === 0 && end === piece.length ? piece : piece.subarray(skip, end), at);
    at += end - skip;
    skip = 0;
  }
}

/** Samples in one piece, where they are wanted so. */
export function samplesOf(samples: Samples | Pieces): Samples {
  if (!("pieces" in samples)) return samples;
  const bytes = new Uint8Array(samples.byteLength);
  copyPieces(samples, 0, bytes.length, bytes);
  return samples.dtype === "uint8" ? bytes : new Float32Array(bytes.buffer);
}
