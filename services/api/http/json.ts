/**
 * Reads JSON texts: what is broken is said with its place, and nobody may name __proto__ or constructor.prototype.
 * JSON.parse takes two things that we do not: a field named twice, of which the first would be dropped in silence, and
 * nesting without end, which code that walks a value by recursion could not survive.
 */
import { Problem, invalid } from "./problem.ts";
import { pointerOf } from "./validation.ts";

/**
 * Whether some object of the value has a key that a careless copy would write into a prototype. Walks without
 * recursion: bodies may be deep.
 */
function namesPrototype(value: unknown): boolean {
  const waiting: unknown[] = [value];
  while (waiting.length > 0) {
    const each = waiting.pop();
    if (typeof each !== "object" || each === null) continue;
    if (Object.hasOwn(each, "__proto__")) return true;
    if (Object.hasOwn(each, "constructor")) {
      const inner = (each as { constructor: unknown }).constructor;
      if (typeof inner === "object" && inner !== null && Object.hasOwn(inner, "prototype")) return true;
    }
    for (const inner of Object.values(each)) if (typeof inner === "object" && inner !== null) waiting.push(inner);
  }
  return false;
}

const mostDeep = 64;

/** A list or object that the walk is inside of. */
interface Open {
  isObject: boolean;
  /** Names of an object so far; null where it has none yet. */
  names: Set<string> | null;
  /** Where the walk is in it. */
  at: string | number;
}

/** The quote that ends the text which begins at `from`. */
function endOfText(json: string, from: number): number {
  for (let at = json.indexOf('"', from + 1); ; at = json.indexOf('"', at + 1)) {
    let slashes = 0;
    while (json[at - 1 - slashes] === "\\") slashes += 1;
    if (slashes % 2 === 0) return at;
  }
}

/** Walks valid JSON. Throws a problem where a field stands twice in an object or something lies too deep. */
function checkStructure(json: string): void {
  const open: Open[] = [];
  const here = (): string =>
    pointerOf(
      "",
      open.map(({ at }) => at),
    );
  const end = /\s*(:?)/y;
  for (let at = 0; at < json.length; at += 1) {
    const sign = json[at];
    const inner = open.at(-1);
    if (sign === '"') {
      const from = at;
      at = endOfText(json, from);
      end.lastIndex = at + 1;
      if (!inner?.isObject || end.exec(json)?.[1] !== ":") continue;
      const name = JSON.parse(json.slice(from, at + 1)) as string;
      inner.at = name;
      inner.names ??= new Set();
      if (inner.names.has(name)) throw invalid(here(), "stands twice in this object; expected every field once");
      inner.names.add(name);
    } else if (sign === "{" || sign === "[") {
      if (open.length === mostDeep)
        throw invalid(here(), `lies more than ${mostDeep} lists or objects deep; nothing here is nested so deep`);
      open.push({ isObject: sign === "{", names: null, at: sign === "{" ? "" : 0 });
    } else if (sign === "}" || sign === "]") open.pop();
    else if (sign === "," && typeof inner?.at === "number") inner.at += 1;
  }
}

const suspicious = /proto|\\u/;

export function parseJson(text: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text.charCodeAt(0) === 0xfeff ? text.slice(1) : text);
  } catch (error) {
    throw new Problem({
      code: "malformed-body",
      detail: `the body is not valid JSON: ${(error as Error).message.slice(0, 200)}`,
    });
  }
  checkStructure(text);
  if (suspicious.test(text) && namesPrototype(value))
    throw new Problem({
      code: "malformed-body",
      detail: "the body names __proto__ or constructor.prototype, which no request may",
    });
  return value;
}
