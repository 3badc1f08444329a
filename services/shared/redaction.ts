/**
 * The one rule of what leaves no process: neither in a line of its log, nor in a problem, nor in a trace. Secrets are
 * known by their form, by the name of the field they stand in, and, those of the environment, by heart.
 */

export type Redact = (text: string) => string;

const hidden = "(hidden)";
const names = "secret|password|authorization|cookie|set-cookie";

/** Each with what is left of it. */
const forms: readonly (readonly [RegExp, string])[] = [
  // Our keys, whole or cut off.
  [/\bfm_[\w-]{20,}/g, `fm_${hidden}`],
  // Whatever stands between `//` and `@` in an address: a name and a password.
  [/(\b[a-z][a-z0-9+.-]{0,20}:\/\/)[^\s/@"]*@/gi, `$1${hidden}@`],
  [/\b(Bearer|Basic) +[\w+/=.~-]{16,}/gi, `$1 ${hidden}`],
  [/\b(fm_session=)[\w%-]+/g, `$1${hidden}`],
  [/\bwhsec_[\w+/=-]+/g, `whsec_${hidden}`],
  // A field of JSON, and of JSON inside a text of JSON.
  [new RegExp(`("(?:${names})" ?: ?")(?:[^"\\\\]|\\\\.)*"`, "gi"), `$1${hidden}"`],
  [new RegExp(`(\\\\"(?:${names})\\\\" ?: ?\\\\")(?:[^"\\\\]|\\\\[^"])*\\\\"`, "gi"), `$1${hidden}\\"`],
];

/** Whether a field of this name holds a secret. */
export const isSecretName = (name: string): boolean => new RegExp(`^(${names})$`, "i").test(name);

const variables = [
  "ADMIN_KEY",
  "REDIS_PASSWORD",
  "AWS_SECRET_ACCESS_KEY",
  "AWS_SESSION_TOKEN",
  "OTEL_EXPORTER_OTLP_HEADERS",
  "OTEL_EXPORTER_OTLP_TRACES_HEADERS",
];
const addresses = ["REDIS_URL", "STORAGE_URL"];
/** A shorter one stands in too many words that are none. */
const leastCharacters = 8;

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** The secrets that an environment brings, in every spelling in which they may appear. */
function secretsIn(environment: Readonly<Record<string, string | undefined>>): string[] {
  const given = variables.flatMap((name) => environment[name] ?? []);
  // Headers are name=value, joined by commas.
  const parts = given.flatMap((text) => [text, ...text.split(",").map((pair) => pair.slice(pair.indexOf("=") + 1))]);
  const passwords = addresses.flatMap((name) => /:\/\/[^/@]*:([^/@]+)@/.exec(environment[name] ?? "")?.[1] ?? []);
  const all = [...parts, ...passwords].flatMap((text) => [text, decoded(text), encodeURIComponent(decoded(text))]);
  const spelled = all.flatMap((text) => [text, JSON.stringify(text).slice(1, -1)]);
  return [...new Set(spelled)]
    .filter((text) => text.length >= leastCharacters)
    .toSorted((one, other) => other.length - one.length);
}

/** The rule for a process with this environment. */
export function redaction(environment: Readonly<Record<string, string | undefined>>): Redact {
  const known = secretsIn(environment);
  return (text) => {
    let told = text;
    for (const secret of known) told = told.replaceAll(secret, hidden);
    for (const [form, left] of forms) told = told.replace(form, left);
    return told;
  };
}
