/** Words for people, where the service answers a word for programs. */
import type { Job } from "./types.ts";

/** Why a training stopped, by `stopReason` of its result. */
export const stopWords: Readonly<Record<NonNullable<Job["result"]>["stopReason"], string>> = {
  epochs: "all epochs were trained",
  validationAccuracy: "it was good enough",
  patience: "it got no better",
  maxSeconds: "its time was over",
  step: "it came to the step that it repeats",
  sweep: "its sweep was over",
};
