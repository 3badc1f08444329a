/** The entry of a decoder: takes a picture, answers a sample, takes the next. Ends with the process that started it. */
import sharp from "sharp";
import { PictureError, readPicture } from "../shared/pictures.ts";
import type { DecoderAnswer, DecoderCall } from "./decoders.ts";

// A picture at a time, on one processor, and nothing of it kept.
sharp.concurrency(1);
sharp.cache(false);

async function answer({ id, bytes, wish }: DecoderCall): Promise<DecoderAnswer> {
  try {
    return { id, outcome: "done", sample: await readPicture(bytes, wish) };
  } catch (error) {
    if (error instanceof PictureError) {
      const cause = error.cause instanceof Error ? error.cause.message : null;
      return { id, outcome: "refused", detail: error.message, cause };
    }
    return { id, outcome: "failed", detail: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
}

process.on("disconnect", () => process.exit(0));
process.on("message", (call: DecoderCall) => {
  void answer(call).then((given) => process.send?.(given));
});
