/** The request that is being written. It stands in the URL, so it can be linked, reloaded and gone back to. */
import type { JobRequest } from "../../../../client/index.ts";
import { equal, type Path, withValue } from "../../form/draft.ts";
import type { RequestSchema } from "../../form/request-schema.ts";
import { resolved } from "../../form/schema.ts";
import { go, place, withQuery } from "../../router.ts";

export type Draft = Readonly<Record<string, unknown>>;

function parsed(text: string | null): Draft {
  if (text === null) return {};
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Draft) : {};
  } catch {
    return {};
  }
}

/** Dataset and network by name stand in the query by themselves, the rest as JSON. */
export function readDraft(query: URLSearchParams): Draft {
  const [dataset, network] = [query.get("dataset"), query.get("network")];
  return {
    ...(dataset === null ? {} : { dataset }),
    ...(network === null ? {} : { network }),
    ...parsed(query.get("request")),
  };
}

function urlOf(draft: Draft): string {
  const { dataset, network, ...rest } = draft;
  const isNamed = typeof network === "string";
  const others = isNamed || network === undefined ? rest : { ...rest, network };
  return withQuery("/jobs/new", {
    dataset: typeof dataset === "string" ? dataset : null,
    network: isNamed ? network : null,
    request: Object.keys(others).length === 0 ? null : JSON.stringify(others),
  });
}

export const writeDraft = (draft: Draft): void => go(urlOf(draft), { replace: true });

/** As it stands at this moment. */
export const peekDraft = (): Draft => readDraft(place.peek().query);

export const changeDraft = (path: Path, value: unknown): void =>
  writeDraft(withValue(peekDraft(), path, value) as Draft);

/** As the service takes it: it says itself what is wrong with it. */
export const requestOf = (draft: Draft): JobRequest => draft as unknown as JobRequest;

/** Of a complete request what differs from the defaults. */
export function sparse(request: Draft, { root, all }: RequestSchema): Draft {
  return Object.fromEntries(
    Object.entries(request).flatMap(([name, value]): [string, unknown][] => {
      const schema = resolved(root.properties?.[name] ?? {}, all);
      if (name === "network") return [[name, { layers: plainLayers((value as { layers: unknown[] }).layers) }]];
      if (equal(value, schema.default) || value === null) return [];
      if (schema.properties && typeof value === "object") {
        const inner = Object.entries(value).filter(
          ([field, each]) => !equal(each, resolved(schema.properties?.[field] ?? {}, all).default),
        );
        return inner.length === 0 ? [] : [[name, Object.fromEntries(inner)]];
      }
      return [[name, value]];
    }),
  );
}

/** What every layer has and nobody writes. */
const usual: Readonly<Record<string, unknown>> = { learningRate: 1, padding: 0, stride: 1, inputs: "all" };

/** Layers as people write them. */
export function plainLayers(layers: readonly unknown[]): unknown[] {
  return layers.map((layer) =>
    Object.fromEntries(
      Object.entries(layer as object).flatMap(([name, value]): [string, unknown][] => {
        if (name === "initialiser" || equal(usual[name], value)) return [];
        return [[name, name === "layers" ? plainLayers(value as unknown[]) : value]];
      }),
    ),
  );
}
