/** Names made of fixed words and parts in braces, `job:{id}:events`: one form for TypeScript and for Lua. */

type PartsOf<Form extends string> = Form extends `${string}{${string}}${infer Rest}`
  ? [part: string | number, ...PartsOf<Rest>]
  : [];

/** A form without parts is its own name; one with parts is a function of them. */
export type Names<Forms extends Readonly<Record<string, string>>> = {
  readonly [Name in keyof Forms]: PartsOf<Forms[Name]> extends []
    ? Forms[Name]
    : (...parts: PartsOf<Forms[Name]>) => string;
};

const part = /\{[^}]*\}/g;

export function fromForms<const Forms extends Readonly<Record<string, string>>>(forms: Forms): Names<Forms> {
  const entries = Object.entries(forms).map(([name, form]) => {
    const words = form.split(part);
    if (words.length === 1) return [name, form];
    return [
      name,
      (...parts: (string | number)[]) =>
        words.map((word, index) => (index === 0 ? word : `${String(parts[index - 1])}${word}`)).join(""),
    ];
  });
  return Object.fromEntries(entries) as Names<Forms>;
}

/** The same as a Lua table of strings and functions. */
export function luaOfForms(forms: Readonly<Record<string, string>>): string {
  const entries = Object.entries(forms).map(([name, form]) => {
    const words = form.split(part).map((word) => `'${word}'`);
    if (words.length === 1) return `${name} = ${words[0]}`;
    const names = words.slice(1).map((_, index) => `p${index + 1}`);
    const body = words.map((word, index) => (index === 0 ? word : `p${index} .. ${word}`)).join(" .. ");
    return `${name} = function(${names.join(", ")}) return ${body} end`;
  });
  return `{ ${entries.join(", ")} }`;
}
