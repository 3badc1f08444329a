/** JSON pointers (RFC 6901) into plain data. What stands at them is never changed: `put` copies along the way. */

type Container = Record<string, unknown> | unknown[];

export const tokensOf = (pointer: string): string[] =>
  pointer
    .split("/")
    .slice(1)
    .map((token) => token.replaceAll("~1", "/").replaceAll("~0", "~"));

export const pointerTo = (...tokens: readonly string[]): string =>
  tokens.map((token) => `/${token.replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");

/** Something wrong with a request, and where. */
export interface Problem {
  pointer: string;
  detail: string;
}

/** Where a pointer of the space stands in the sweep's request. */
export const inSpace = (pointer: string): string => `/space${pointerTo(pointer)}`;

/** Whether one of the two names the other's place or something inside it. */
export const overlap = (one: string, other: string): boolean =>
  one === other || one.startsWith(`${other}/`) || other.startsWith(`${one}/`);

const isContainer = (value: unknown): value is Container => typeof value === "object" && value !== null;

const holds = (container: Container, token: string): boolean =>
  Array.isArray(container)
    ? /^(0|[1-9]\d{0,8})$/.test(token) && Number(token) < container.length
    : Object.hasOwn(container, token);

const read = (container: Container, token: string): unknown => (container as Record<string, unknown>)[token];

function describe(value: unknown): string {
  if (Array.isArray(value))
    return value.length === 0 ? "is an empty list" : `is a list of ${value.length}, counted from 0`;
  if (isContainer(value)) return `has ${Object.keys(value).slice(0, 40).join(", ")}`;
  return `is ${value === null ? "null" : `a ${typeof value}`}, with nothing inside`;
}

/** Null where the pointer names something; else a sentence that says how far it leads and what is there. */
export function whyNothing(root: unknown, pointer: string): string | null {
  let at = root;
  const walked: string[] = [];
  for (const token of tokensOf(pointer)) {
    if (!isContainer(at) || !holds(at, token)) {
      const where = walked.length === 0 ? "the job request" : pointerTo(...walked);
      return `${pointer} names nothing in the job request: ${where} ${describe(at)}`;
    }
    at = read(at, token);
    walked.push(token);
  }
  return null;
}

/** A copy of `root` with `value` at the pointer; the containers above its last token must be there. */
export function put(root: unknown, pointer: string, value: unknown): unknown {
  const place = (at: unknown, [token, ...rest]: string[]): unknown => {
    if (token === undefined) return value;
    if (!isContainer(at)) throw new Error(`${pointer} leads through a value that holds nothing`);
    const copy = (Array.isArray(at) ? [...at] : { ...at }) as Record<string, unknown>;
    copy[token] = place(read(at, token), rest);
    return copy;
  };
  return place(root, tokensOf(pointer));
}
