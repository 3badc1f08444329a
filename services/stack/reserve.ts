/**
 * A way out of a full disk: a file that is given up when nothing else is left, so that Redis can write again and things
 * can be deleted. Uploads, imports and trainings leave room by themselves; what fills the rest is somebody else.
 */
import { randomBytes } from "node:crypto";
import { open, rm, stat, statfs } from "node:fs/promises";
import { join } from "node:path";
import type { Logger } from "../shared/log.ts";

const mebibyte = 1024 * 1024;
const reserveBytes = 32 * mebibyte;
/** With less than this free the reserve is given up; with this much besides, it is laid aside again. */
const needBytes = 4 * mebibyte;
const plentyBytes = 64 * mebibyte;
const lookEveryMs = 500;

export class Reserve {
  readonly #folder: string;
  readonly #path: string;
  readonly #log: Logger;
  #timer: NodeJS.Timeout | null = null;
  #busy: Promise<void> | null = null;

  constructor({ folder, log }: { folder: string; log: Logger }) {
    this.#folder = folder;
    this.#path = join(folder, "reserve");
    this.#log = log;
  }

  start(): void {
    const look = (): void => {
      this.#busy ??= this.#look()
        .catch((error: unknown) => this.#log.debug({ err: error }, "the reserve of the disk could not be looked after"))
        .finally(() => (this.#busy = null));
    };
    look();
    this.#timer = setInterval(look, lookEveryMs);
  }

  async stop(): Promise<void> {
    if (this.#timer) clearInterval(this.#timer);
    await this.#busy;
  }

  async #look(): Promise<void> {
    const { bavail, bsize } = await statfs(this.#folder);
    const freeBytes = bavail * bsize;
    const held = await stat(this.#path).catch(() => null);
    if (held && freeBytes < needBytes) {
      await rm(this.#path, { force: true });
      this.#log.warn(
        { freeBytes },
        "the disk is full: the reserve is given up, so that Redis can write and things can be deleted",
      );
    } else if (!held && freeBytes > reserveBytes + plentyBytes) await this.#layAside();
  }

  /** Bytes that no file system can compress or leave out. */
  async #layAside(): Promise<void> {
    const file = await open(this.#path, "w", 0o600);
    try {
      for (let written = 0; written < reserveBytes; written += mebibyte) await file.write(randomBytes(mebibyte));
      await file.sync();
    } catch (error) {
      await rm(this.#path, { force: true });
      throw error;
    } finally {
      await file.close();
    }
  }
}
