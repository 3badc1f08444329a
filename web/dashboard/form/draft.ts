/** Values inside values, by the steps that lead to them. */

export type Path = readonly (string | number)[];

export const pointerOf = (path: Path): string =>
  path.map((step) => `/${String(step).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");

export function valueAt(root: unknown, path: Path): unknown {
  let at: unknown = root;
  for (const step of path) {
    if (typeof at !== "object" || at === null) return undefined;
    at = (at as Record<string | number, unknown>)[step];
  }
  return at;
}

/** A copy with a value put there; undefined takes it away, and with it an object that is left empty. */
export function withValue(root: unknown, path: Path, value: unknown): unknown {
  const [step, ...rest] = path;
  if (step === undefined) return value;
  if (Array.isArray(root)) {
    const copy: unknown[] = [...(root as unknown[])];
    copy[Number(step)] = withValue(copy[Number(step)], rest, value);
    return copy;
  }
  const copy = { ...(root as Record<string, unknown> | undefined) };
  const inner = withValue(copy[step], rest, value);
  const isGone = inner === undefined || (rest.length > 0 && value === undefined && isEmpty(inner));
  if (isGone) delete copy[step];
  else copy[step] = inner;
  return copy;
}

const isEmpty = (value: unknown): boolean =>
  typeof value === "object" && value !== null && !Array.isArray(value) && Object.keys(value).length === 0;

export const equal = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other);
