/** Split files straight into the shared memory: no copy on the way, no heap. */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";

/** Fills `target` with the whole file. Throws where the sizes do not agree. */
export function readInto(path: string, target: Uint8Array): void {
  const file = openSync(path, "r");
  try {
    const { size } = fstatSync(file);
    if (size !== target.byteLength)
      throw new Error(`${path} has ${size} bytes; the dataset's record says ${target.byteLength}`);
    let filled = 0;
    while (filled < size) {
      const read = readSync(file, target, filled, size - filled, filled);
      if (read === 0) throw new Error(`${path} ended after ${filled} of ${size} bytes`);
      filled += read;
    }
  } finally {
    closeSync(file);
  }
}
