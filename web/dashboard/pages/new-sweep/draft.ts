/** The sweep that is being written. It stands in the URL, so it can be linked, reloaded and gone back to. */
import type { SweepRequest } from "../../../../client/index.ts";
import { type Path, withValue } from "../../form/draft.ts";
import type { RequestSchema } from "../../form/request-schema.ts";
import { resolved } from "../../form/schema.ts";
import { go, place, withQuery } from "../../router.ts";
import { sparse } from "../training/draft.ts";

export type Draft = Readonly<Record<string, unknown>>;
export type Space = Exclude<SweepRequest["space"], "auto">;
export type Dimension = Space[string];

/** What one begins with: a part is held out, because trials are compared by it. */
export const firstDraft = (dataset: string): Draft => ({
  base: { dataset, validation: { fraction: 0.1 } },
  space: "auto",
});

/** Around the request of a job, as people would write it. */
export function draftAround(request: Draft, { root, all }: RequestSchema): Draft {
  const base = resolved(root.properties?.["base"] ?? {}, all);
  const own = Object.entries(sparse(request, { root: base, all })).filter(
    ([name]) => name !== "name" && name in (base.properties ?? {}),
  );
  const { base: first, space } = firstDraft("") as { base: Draft; space: "auto" };
  return { base: { ...first, ...Object.fromEntries(own) }, space };
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

export const changeDraft = (path: Path, value: unknown): void =>
  writeDraft(withValue(readDraft(place.peek().query) ?? {}, path, value) as Draft);

/** As the service takes it: it says itself what is wrong with it. */
export const requestOf = (draft: Draft): SweepRequest => draft as unknown as SweepRequest;
