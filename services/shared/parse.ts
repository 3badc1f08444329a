/**
 * Turns what zod finds into sentences with JSON pointers: one error a field, the most likely branch of a union, unknown
 * fields by name.
 */
import type { z } from "zod";
import { isSecretName } from "./redaction.ts";
import { Refusal } from "./refusal.ts";

type Issue = z.core.$ZodIssue;
type RawIssue = z.core.$ZodRawIssue;
interface Found {
  pointer: string;
  detail: string;
}

const mostErrors = 32;
const mostKey = 100;
const shortened = (text: string): string => (text.length > mostKey ? `${text.slice(0, mostKey)}…` : text);
const escapePointer = (key: PropertyKey): string => shortened(String(key)).replaceAll("~", "~0").replaceAll("/", "~1");
export const pointerOf = (prefix: string, path: readonly PropertyKey[]): string =>
  prefix + path.map((key) => `/${escapePointer(key)}`).join("");

/** What stands at an issue's place, unless it is nobody's to read. */
const foundAt = ({ path, input }: { path?: PropertyKey[] | undefined; input?: unknown }): string =>
  isSecretName(String(path?.at(-1) ?? "")) ? "something else" : describe(input);

function describe(value: unknown): string {
  if (value === undefined) return "nothing";
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "an object";
  const text = typeof value === "number" ? String(value) : JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

const nouns: Record<string, string> = {
  int: "a whole number",
  number: "a number",
  string: "a text",
  boolean: "true or false",
  object: "an object",
  array: "a list",
  record: "an object",
  null: "null",
};
const noun = (expected: string): string => nouns[expected] ?? expected;

const list = (values: readonly unknown[]): string => values.map((value) => JSON.stringify(value)).join(", ");

function sizeSentence(issue: Extract<RawIssue, { code: "too_small" | "too_big" }>): string {
  const bound = issue.code === "too_small" ? issue.minimum : issue.maximum;
  const inclusive = issue.inclusive !== false;
  if (issue.origin === "string" || issue.origin === "array") {
    const [one, many] = issue.origin === "string" ? ["character", "characters"] : ["entry", "entries"];
    const { length } = issue.input as string | readonly unknown[];
    return `needs ${issue.code === "too_small" ? "at least" : "at most"} ${String(bound)} ${Number(bound) === 1 ? one : many}, found ${length}`;
  }
  const relation =
    issue.code === "too_small" ? (inclusive ? "at least" : "greater than") : inclusive ? "at most" : "less than";
  return `must be ${relation} ${String(bound)}, found ${foundAt(issue)}`;
}

/**
 * The kinds a discriminated union knows, read from its options, so that a new kind names itself; and what stands in
 * their place.
 */
function kindsOf(issue: RawIssue): { kinds: unknown[]; found: unknown } {
  const definition = (issue.inst?._zod.def ?? {}) as { discriminator?: string; options?: readonly z.core.$ZodType[] };
  const { discriminator, options = [] } = definition;
  if (discriminator === undefined) return { kinds: [], found: undefined };
  return {
    kinds: options.flatMap((option) => [...(option._zod.propValues?.[discriminator] ?? [])]),
    found: (issue.input as Record<string, unknown>)[discriminator],
  };
}

/** The sentence for an issue whose schema has none of its own. */
function sentence(issue: RawIssue): string | undefined {
  switch (issue.code) {
    case "invalid_type":
      return issue.input === undefined
        ? `is missing: expected ${noun(issue.expected)}`
        : `expected ${noun(issue.expected)}, found ${foundAt(issue)}`;
    case "unrecognized_keys": {
      const known = Object.keys((issue.inst?._zod.def as { shape?: object } | undefined)?.shape ?? {});
      return known.length > 0 ? `fields here are ${known.join(", ")}` : "no such field here";
    }
    case "invalid_value":
      return `${issue.input === undefined ? "is missing: expected" : "expected"} ${issue.values.length === 1 ? list(issue.values) : `one of ${list(issue.values)}`}${issue.input === undefined ? "" : `, found ${foundAt(issue)}`}`;
    case "invalid_union": {
      const { kinds, found } = kindsOf(issue);
      return kinds.length > 0 ? `expected one of ${list(kinds)}, found ${describe(found)}` : undefined;
    }
    case "too_small":
    case "too_big":
      return sizeSentence(issue);
    default:
      return undefined;
  }
}

const depth = (issues: readonly Issue[]): number => Math.max(0, ...issues.map((issue) => issue.path.length));
const failsAtRoot = (issues: readonly Issue[]): boolean =>
  issues.some((issue) => issue.path.length === 0 && (issue.code === "invalid_type" || issue.code === "invalid_value"));

/** What each branch of a union expects, and once what was found where all say the same of it. */
function alternatives(sentences: readonly string[]): string {
  const said = sentences.filter((text) => text !== "");
  const found = /, found .*$/su.exec(said.at(-1) ?? "")?.[0];
  const isShared = found !== undefined && said.every((text) => text.endsWith(found));
  return said.map((text, at) => (isShared && at < said.length - 1 ? text.slice(0, -found.length) : text)).join("; or ");
}

function flatten(issue: Issue, prefix: string, found: Found[]): void {
  const at = pointerOf(prefix, issue.path);
  if (issue.code === "unrecognized_keys") {
    for (const key of issue.keys)
      found.push({
        pointer: `${at}/${escapePointer(key)}`,
        detail: `unknown field '${shortened(key)}': ${issue.message}`,
      });
    return;
  }
  if (issue.code === "invalid_union" && issue.errors.length > 0) {
    const likely = issue.errors
      .filter((branch) => !failsAtRoot(branch))
      .sort((left, right) => depth(right) - depth(left) || left.length - right.length)[0];
    if (likely) for (const each of likely) flatten(each, at, found);
    else
      found.push({
        pointer: at,
        detail: alternatives(issue.errors.map((branch) => branch[0]?.message ?? "")) || issue.message,
      });
    return;
  }
  if (issue.code === "invalid_key" || issue.code === "invalid_element") {
    found.push({ pointer: at, detail: issue.issues[0]?.message ?? issue.message });
    return;
  }
  // A pattern has its own sentence of what is right, which knows nothing of what came.
  const isPattern = issue.code === "invalid_format" && issue.message.startsWith("expected");
  found.push({ pointer: at, detail: isPattern ? `${issue.message}, found ${foundAt(issue)}` : issue.message });
}

/**
 * Reads a value by its schema; whatever does not fit becomes one refusal that names every field. `prefix` stands before
 * the pointers.
 */
export function parse<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  prefix = "",
): { value: z.output<Schema> } | { error: Refusal } {
  const result = schema.safeParse(value, { error: sentence, reportInput: true });
  if (result.success) return { value: result.data };
  const all: Found[] = [];
  for (const issue of result.error.issues) flatten(issue, prefix, all);
  // The last that is said of a field: a number beyond any whole number is first of all beyond the field's own bound.
  const found = [...new Map(all.map((each) => [each.pointer, each])).values()];
  const errors = found.slice(0, mostErrors);
  const [first] = errors;
  const more = found.length > 1 ? ` (and ${found.length - 1} more)` : "";
  return {
    error: new Refusal({
      code: "invalid-request",
      detail: first
        ? `${first.pointer === "" ? "the body" : first.pointer}: ${first.detail}${more}`
        : "the request is not valid",
      errors,
    }),
  };
}

/** The same, throwing. */
export function parseOrThrow<Schema extends z.ZodType>(schema: Schema, value: unknown, prefix = ""): z.output<Schema> {
  const result = parse(schema, value, prefix);
  if ("error" in result) throw result.error;
  return result.value;
}
