/**
 * A training's memory is hundreds of megabytes that V8 does not count as its own: it would be let go only when some
 * heap happens to be collected, in every thread that saw it. So each collects once when a training is over.
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");
export const collect = runInNewContext("gc") as () => void;
