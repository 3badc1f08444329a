/** The sweep that is being written. It stands in the URL, so it can be linked, reloaded and gone back to. */
import type { Dataset, SweepRequest } from "../../../../client/index.ts";
import { type Path, withValue } from "../../form/draft.ts";
import type { RequestSchema } from "../../form/request-schema.ts";
import { resolved } from "../../form/schema.ts";
import { go, place, withQuery } from "../../router.ts";
import { sparse } from "../training/draft.ts";

export type Draft = Readonly<Record<string, unknown>>;
export type Space = Exclude<SweepRequest["space"], "auto">;
export type Dimension = Space[string];

/** Trials are compared by what is held out: where the dataset holds nothing out itself, a tenth is. */
const heldOut = (hasValidation: boolean): Draft => (hasValidation ? {} : { validation: { fraction: 0.1 } });

/** What one begins with. */
export const firstDraft = ({ id, alias, splits }: Dataset): Draft => ({
  base: { dataset: alias ?? id, ...heldOut(splits.validation > 0) },
  space: "auto",
});

/** Around the request of a job, as people would write it. */
export function draftAround(request: Draft, dataset: Dataset, { root, all }: RequestSchema): Draft {
  const base = resolved(root.properties?.["base"] ?? {}, all);
  const own = Object.entries(sparse(request, { root: base, all })).filter(
    ([name]) => name !== "name" && name in (base.properties ?? {}),
  );
  return { base: { ...heldOut(dataset.splits.validation > 0), ...Object.fromEntries(own) }, space: "auto" };
}

export function readDraft(query: URLSearchParams): Draft | null {
  try {
    const value: unknown = JSON.parse(query.get("request") ?? "null");
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Draft) : null;
  } catch {
    return null;
  }
}

export const writeDraft = (draft: Draft): void =>
  go(withQuery("/sweeps/new", { request: JSON.stringify(draft) }), { replace: true });

/** As it stands at this moment. */
export const peekDraft = (): Draft => readDraft(place.peek().query) ?? {};

export const changeDraft = (path: Path, value: unknown): void =>
  writeDraft(withValue(peekDraft(), path, value) as Draft);

/** As the service takes it: it says itself what is wrong with it. */
export const requestOf = (draft: Draft): SweepRequest => draft as unknown as SweepRequest;
