/**
 * How much decoding an upload may ask for. A picture of one colour has 40 million pixels in a few hundred bytes: bounds
 * of bytes do not bound the work. What has many bytes may have as many pixels as it likes.
 */
import { grouped, nameLimit } from "../../shared/dataset-limits.ts";
import type { DatasetLimits } from "../../shared/dataset-limits.ts";
import { refuse } from "./refused.ts";

/** Blank scans have some hundreds of pixels in a byte, photographs ten. */
const pixelsPerByte = 1000;

export class PixelBudget {
  readonly #limits: DatasetLimits;
  #pixels = 0;
  #bytes = 0;

  constructor(limits: DatasetLimits) {
    this.#limits = limits;
  }

  /** Counts a picture that was decoded. Throws DatasetRefused where all together are too many. */
  spend({ pixels, bytes }: { pixels: number; bytes: number }): void {
    this.#pixels += pixels;
    this.#bytes += bytes;
    if (this.#pixels <= this.#limits.MAX_DECODED_PIXELS + pixelsPerByte * this.#bytes) return;
    refuse(
      null,
      `found ${grouped(this.#pixels)} pixels in ${grouped(this.#bytes)} bytes of pictures; expected at most ${nameLimit(this.#limits, "MAX_DECODED_PIXELS")} and ${grouped(pixelsPerByte)} for each byte: scale the pictures down before you send them`,
    );
  }
}
