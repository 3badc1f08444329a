/** Split files straight into the shared memory: no copy on the way, no heap. */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";

/** Fills `target` with the whole file. Throws where the sizes do not agree. */
export function readInto(path: string, target: Uint8Array): void {
  withFile(path, target.byteLength, (read) => read(target));
}

/**
 * Deals the rows of a file out, in their order: row i goes to `targets[flags[i]]`, behind those before it. Throws where
 * the sizes do not agree.
 */
export function dealInto(path: string, flags: Uint8Array, targets: readonly [Uint8Array, Uint8Array]): void {
  const bytes = targets[0].byteLength + targets[1].byteLength;
  const rowBytes = bytes / flags.length;
  const filled = [0, 0];
  withFile(path, bytes, (read) => {
    for (let row = 0; row < flags.length;) {
      const flag = flags[row];
      const end = flags.indexOf(1 - flag, row);
      const length = ((end < 0 ? flags.length : end) - row) * rowBytes;
      read(targets[flag].subarray(filled[flag], filled[flag] + length));
      filled[flag] += length;
      row += length / rowBytes;
    }
  });
}

/** Opens a file of exactly so many bytes; `read` fills a target with the next ones. */
function withFile(path: string, bytes: number, use: (read: (target: Uint8Array) => void) => void): void {
  const file = openSync(path, "r");
  try {
    const { size } = fstatSync(file);
    if (size !== bytes) throw new Error(`${path} has ${size} bytes; the dataset's record says ${bytes}`);
    use((target) => {
      for (let filled = 0; filled < target.byteLength;) {
        const read = readSync(file, target, filled, target.byteLength - filled, null);
        if (read === 0) throw new Error(`${path} ended before its ${bytes} bytes`);
        filled += read;
      }
    });
  } finally {
    closeSync(file);
  }
}
