/**
 * Room on a disk, held before it is written: two writers of a process that ask at the same moment do not both get the
 * last of it, nor two processes of one api. What is held counts until it is released, or shrunk by what has reached the
 * disk.
 */
import { mkdir, stat, statfs } from "node:fs/promises";
import { Transform, type TransformCallback } from "node:stream";

/** Bytes held on each disk, by its device number. */
const heldOn = new Map<number, number>();
/** One asks after the other: many at once would refuse each other room that is there for some. */
let asking: Promise<unknown> = Promise.resolve();

export class NoSpace extends Error {
  override name = "NoSpace";
  readonly freeBytes: number;
  constructor({ freeBytes, bytes, leaveBytes }: { freeBytes: number; bytes: number; leaveBytes: number }) {
    super(
      `${bytes} bytes do not fit: ${freeBytes} are free and not promised to others, ${leaveBytes} of them stay free`,
    );
    this.freeBytes = freeBytes;
  }
}

export interface Hold {
  /** So many bytes are on the disk now, or will not come. */
  shrink(bytes: number): void;
  release(): void;
}

export interface SpaceAsked {
  folder: string;
  bytes: number;
  leaveBytes: number;
}
type HoldSpace = (asked: SpaceAsked) => Promise<Hold>;

async function holdHere({ folder, bytes, leaveBytes }: SpaceAsked): Promise<Hold> {
  await mkdir(folder, { recursive: true });
  const { dev } = await stat(folder);
  const count = (more: number): void => void heldOn.set(dev, (heldOn.get(dev) ?? 0) + more);
  const ask = async (): Promise<void> => {
    const { bavail, bsize } = await statfs(folder);
    const freeBytes = bavail * bsize - (heldOn.get(dev) ?? 0);
    if (freeBytes - bytes < leaveBytes) throw new NoSpace({ freeBytes: Math.max(0, freeBytes), bytes, leaveBytes });
    count(bytes);
  };
  const asked = asking.then(ask);
  asking = asked.catch(() => undefined);
  await asked;
  let left = bytes;
  const shrink = (by: number): void => {
    const gone = Math.min(left, by);
    left -= gone;
    count(-gone);
  };
  return { shrink, release: () => shrink(left) };
}

let holder: HoldSpace = holdHere;
/** Holds `bytes` on the disk of `folder`, which is made. Throws NoSpace where less than `leaveBytes` would stay. */
export const holdSpace: HoldSpace = (asked) => holder(asked);

/** Processes that share their disks let one of them hold for all: from here on this one asks it. */
export function holdElsewhere(other: HoldSpace): void {
  holder = other;
}

const stepBytes = 8 * 1024 * 1024;

/** Passes a stream of unknown length on, holding room for a piece of it at a time. */
class HoldingSpace extends Transform {
  readonly #place: { folder: string; leaveBytes: number };
  #hold: Hold | null = null;
  #room = 0;

  constructor(place: { folder: string; leaveBytes: number }) {
    super();
    this.#place = place;
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    void this.#pass(chunk, done);
  }

  async #pass(chunk: Buffer, done: TransformCallback): Promise<void> {
    let refusal: Error | null = null;
    try {
      await this.#make(chunk.length);
    } catch (error) {
      refusal = error instanceof Error ? error : new Error(String(error));
    }
    if (refusal) done(refusal);
    else done(null, chunk);
  }

  async #make(bytes: number): Promise<void> {
    if (bytes > this.#room) {
      this.#hold?.release();
      this.#room = Math.max(stepBytes, bytes);
      this.#hold = await holdSpace({ ...this.#place, bytes: this.#room });
    }
    this.#room -= bytes;
    this.#hold?.shrink(bytes);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#hold?.release();
    done(error);
  }
}

export const holdingSpace = (place: { folder: string; leaveBytes: number }): Transform => new HoldingSpace(place);
