/**
 * What a trial trains: the base with the trial's values in it, as a body of a job request. A pointer to a whole field
 * (`/network`) is set before a preset's settings come in, so that they follow it; one that leads deeper
 * (`/network/layers/0/maps`, `/optimiser/momentum`) is set when presets and defaults are in place.
 */
import { completeRequest, layersOf } from "../schemas/complete.ts";
import { jobRequest } from "../schemas/job.ts";
import { parametersOf, type Expand, type Plan } from "./plan.ts";
import { inSpace, overlap, put, tokensOf, whyNothing, type Problem } from "./pointer.ts";

/** A body for a job request, not yet checked by the job's own check; or what the trial's pointers name in vain. */
export type TrialRequest = { body: unknown; problems: null } | { body: null; problems: Problem[] };

const namedInVain = (root: unknown, pointers: readonly string[]): Problem[] =>
  pointers.flatMap((pointer) => {
    const why = whyNothing(root, pointer);
    return why === null ? [] : [{ pointer: inSpace(pointer), detail: why }];
  });

/** Of a dataset that nobody has seen yet: a pointer into a preset's network leads to the same place for any number. */
const anyClasses = 10;

/**
 * `classes` are those of the dataset, for which a preset's network is made where a pointer leads into it; null where
 * nobody knows them yet. Then a base whose network is left to the rule takes only values for whole fields: what else
 * there is in it follows from the dataset.
 */
export function trialRequest(options: {
  plan: Plan;
  trial: number;
  expand: Expand;
  classes: number | null;
}): TrialRequest {
  const { plan, trial, expand } = options;
  const classes = options.classes ?? anyClasses;
  const parameters = parametersOf(plan, trial);
  const set = (body: unknown, pointer: string): unknown => put(body, pointer, parameters[pointer]);
  const pointers = Object.keys(parameters);
  const whole = pointers.filter((pointer) => tokensOf(pointer).length === 1);
  const deeper = pointers.filter((pointer) => tokensOf(pointer).length > 1);
  const unknown = namedInVain(jobRequest.shape, whole);
  if (unknown.length > 0) return { body: null, problems: unknown };
  const expanded = expand(whole.reduce(set, plan.request.base as unknown));
  if (deeper.length === 0) return { body: expanded, problems: null };
  const read = jobRequest.safeParse(expanded);
  // What cannot be read is for the job's own check to tell.
  if (!read.success) return { body: expanded, problems: null };
  if (read.data.network === "auto" && options.classes === null && !("/network" in parameters))
    return { body: expanded, problems: null };
  if (read.data.network === "auto")
    return {
      body: null,
      problems: deeper.map((pointer) => ({
        pointer: inSpace(pointer),
        detail: 'nothing can be set within a request whose network is "auto": name the network in the base',
      })),
    };
  const missing = namedInVain(completeRequest(read.data, classes), deeper);
  if (missing.length > 0) return { body: null, problems: missing };
  const { network } = read.data;
  const layers = typeof network === "string" && deeper.some((pointer) => overlap(pointer, "/network"));
  const request = layers ? { ...read.data, network: layersOf(network, classes) } : read.data;
  return { body: deeper.reduce(set, request as unknown), problems: null };
}

function shown(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

/**
 * What a job's own check found wrong with the body of a trial, told of the sweep's request: each problem points at the
 * place in the space that brought it and names the place in the job request. `ofBase` is what the check finds wrong
 * with the expanded base by itself: that is the base's fault.
 */
export function explain(options: {
  plan: Plan;
  trial: number;
  found: readonly Problem[];
  ofBase: readonly Problem[];
}): Problem[] {
  const { plan, trial, found, ofBase } = options;
  const parameters = Object.entries(parametersOf(plan, trial));
  return found.map(({ pointer: refused, detail }) => {
    const at = parameters.find(([pointer]) => overlap(pointer, refused));
    if (at === undefined && ofBase.some((each) => each.pointer === refused && each.detail === detail))
      return { pointer: `/base${refused}`, detail };
    const given = (at === undefined ? parameters : [at]).map(([pointer, value]) => `${shown(value)} at ${pointer}`);
    return {
      pointer: at === undefined ? "/space" : inSpace(at[0]),
      detail: `with ${given.join(", ")}, as in trial ${trial}, a job is refused at ${refused === "" ? "its root" : refused}: ${detail}`,
    };
  });
}
