/** What a sweep leaves open. While its dataset is still being made, its record shows a guess, and this is kept beside it. */
import type { SweepBase, SweepRequest } from "../../../schemas/sweep.ts";
import type { SweepLeft, SweepRecord } from "../records/index.ts";

/** Whether network and settings are chosen by the rule. */
export const isLeftToRule = ({ network }: SweepBase): boolean => (network ?? "auto") === "auto";

/** The base's webhook stays where secrets are kept apart. */
export function leftOf({ base, space, search }: SweepRequest): SweepLeft {
  const { webhook: _webhook, ...written } = base;
  return { base: isLeftToRule(base) ? written : null, space: space === "auto", search: search === undefined };
}

/** The request of a sweep that waits, as it was written. */
export function askedOf({ request, left }: Pick<SweepRecord, "request" | "left">): SweepRequest {
  if (left === null) return request;
  const { webhook } = request.base;
  const base = left.base === null ? request.base : { ...left.base, ...(webhook ? { webhook } : {}) };
  return {
    ...request,
    base,
    space: left.space ? "auto" : request.space,
    search: left.search ? undefined : request.search,
  };
}
