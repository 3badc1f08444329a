/** The choosing of sweeps: a space and outcomes in, next requests out. Never reads a clock, never does I/O. */
export type { Pace } from "./automatic-search.ts";
export type { DatasetFacts } from "./automatic-space.ts";
export { complete, parametersOf, planOf, type Completed, type Expand, type Plan } from "./plan.ts";
export type { Problem } from "./pointer.ts";
export { explain, trialRequest, type TrialRequest } from "./requests.ts";
export { epochsOf } from "./rungs.ts";
export { Search, type Decision, type Moment, type Start } from "./search.ts";
export type { Measured, Outcome, Place } from "./trials.ts";
