/** `network: "auto"`: a request that names its dataset alone becomes a complete one. */
export { withAutomatic } from "./choose.ts";
export type { Automatic } from "./choose.ts";
export { expectedSpeed, workOf } from "./cost.ts";
export type { AutomaticFacts } from "./facts.ts";
