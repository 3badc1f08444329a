/**
 * What the sources of engine/kernels/assembly may say beyond AssemblyScript, so that a tile is written as a loop nest
 * and its arguments as one shape. All of it is TypeScript by its letters, and costs nothing when it runs: the compiler
 * sees plain variables and straight code.
 *
 *     const sum = registerGrid(2, 4);
 *         Eight variables, sum_0_0 … sum_1_3. registers(4) are four; addresses(4) are four addresses.
 *     unroll: for (let m: u32 = 0; m < 2; m++)
 *         A copy of the body for each m. In it m is a number, and so is what is computed from it alone; an `if` that
 *         such numbers decide is decided here.
 *     unroll: for (let m: u32 = 0; m < min(maps, 2); m++)
 *         Each copy but the first stands behind its condition, `if (maps > 1)`, inside the one before: such a bound is
 *         never 0.
 *     unroll: for (let m: u32 = min(maps, 2); m > 0; m--)
 *         The same from the end: the copies of the others stand inside this one's condition.
 *     const { rows, maps } = call;
 *         A constant for each of a record's fields that are named.
 *     interface Shape { rows: u32; … }
 *         A parameter or a constant of type Shape is one variable a field: shape_rows … `shape` alone, as an argument,
 *         stands for all of them.
 *
 * Throws an Error that names the line where a bound or an index is not a number.
 */

const brackets = { "(": ")", "[": "]", "{": "}" };

/** Comments out, line breaks kept. */
export const withoutComments = (text) =>
  text.replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, (comment) => comment.replace(/[^\n]/g, ""));

const lineOf = (text, at) => text.slice(0, at).split("\n").length;

/** Where the bracket that opens at `at` closes. */
function closing(text, at) {
  const open = text[at];
  let depth = 0;
  for (let n = at; n < text.length; n++) {
    if (text[n] === open) depth++;
    if (text[n] === brackets[open] && --depth === 0) return n;
  }
  throw new Error(`line ${lineOf(text, at)}: '${open}' is never closed`);
}

/** The parts of a list, cut at the separators that stand in no bracket. */
function split(list, separator = ",") {
  const parts = [""];
  let depth = 0;
  for (const letter of list) {
    if ("([{".includes(letter)) depth++;
    if (")]}".includes(letter)) depth--;
    if (letter === separator && depth === 0) parts.push("");
    else parts[parts.length - 1] += letter;
  }
  return parts.map((part) => part.trim()).filter(Boolean);
}

const operators = [
  { "||": (a, b) => (a || b ? 1 : a + b) },
  { "&&": (a, b) => (a === 0 || b === 0 ? 0 : a + b && 1) },
  { "==": (a, b) => a === b, "!=": (a, b) => a !== b },
  { "<": (a, b) => a < b, ">": (a, b) => a > b, "<=": (a, b) => a <= b, ">=": (a, b) => a >= b },
  { "+": (a, b) => a + b, "-": (a, b) => a - b },
  { "*": (a, b) => a * b },
];

/** The value of an expression of whole numbers (true is 1); undefined where it depends on anything else. */
function valueOf(expression) {
  const tokens = expression.match(/\d+|\w+|[<>=!]=|&&|\|\||\S/g) ?? [];
  let at = 0;
  const operand = () => {
    const token = tokens[at++] ?? "";
    if (token !== "(") return /^\d+$/.test(token) ? Number(token) : Number.NaN;
    const value = binary(0);
    return tokens[at++] === ")" ? value : Number.NaN;
  };
  const binary = (level) => {
    if (level === operators.length) return operand();
    let value = binary(level + 1);
    while (Object.hasOwn(operators[level], tokens[at] ?? "")) {
      const apply = operators[level][tokens[at++]];
      const other = binary(level + 1);
      const isKnown = level < 2 || !Number.isNaN(value + other);
      value = isKnown ? Number(apply(value, other)) : Number.NaN;
    }
    return value;
  };
  const value = binary(0);
  return at === tokens.length && !Number.isNaN(value) ? value : undefined;
}

/** The statement that begins at `at` (white space skipped): [its beginning, the place behind it]. */
function statementAt(text, at) {
  const start = at + /^\s*/.exec(text.slice(at))[0].length;
  if (text[start] === "{") return [start, closing(text, start) + 1];
  const head = /^(?:unroll\s*:\s*)?(for|while|if)\s*\(/.exec(text.slice(start));
  if (!head) {
    for (let n = start; n < text.length; n++) {
      if ("([{".includes(text[n])) n = closing(text, n);
      else if (text[n] === ";") return [start, n + 1];
    }
    throw new Error(`line ${lineOf(text, start)}: a statement without an end`);
  }
  let [, end] = statementAt(text, closing(text, start + head[0].length - 1) + 1);
  const otherwise = head[1] === "if" ? /^\s*else\b/.exec(text.slice(end)) : null;
  if (otherwise) [, end] = statementAt(text, end + otherwise[0].length);
  return [start, end];
}

/** Decides each `if` whose condition is numbers alone. */
function decide(source) {
  let text = source;
  for (let search = 0; ;) {
    const found = /\bif\s*\(/.exec(text.slice(search));
    if (!found) return text;
    const start = search + found.index;
    const open = start + found[0].length - 1;
    const close = closing(text, open);
    const value = valueOf(text.slice(open + 1, close));
    search = open;
    if (value === undefined) continue;
    const [thenStart, thenEnd] = statementAt(text, close + 1);
    const otherwise = /^\s*else\b/.exec(text.slice(thenEnd));
    const [elseStart, end] = otherwise ? statementAt(text, thenEnd + otherwise[0].length) : [thenEnd, thenEnd];
    const kept = value ? text.slice(thenStart, thenEnd) : otherwise ? text.slice(elseStart, end) : "{}";
    text = text.slice(0, start) + kept + text.slice(end);
    search = start;
  }
}

/** The copies of an unrolled body. Outer loops come first, so that inner bounds may be computed from their variables. */
function unroll(source) {
  let text = source;
  for (;;) {
    const found = /\bunroll\s*:\s*for\s*\(/.exec(text);
    if (!found) return text;
    const open = found.index + found[0].length - 1;
    const close = closing(text, open);
    const header = text
      .slice(open + 1, close)
      .replace(/\s+/g, " ")
      .trim();
    const line = lineOf(text, found.index);
    const [, name, start0, up, down] =
      /^let (\w+)(?:: \w+)? = ([^;]+); (?:\1 < ([^;]+); \1\+\+|\1 > ([^;]+); \1--)$/.exec(header) ?? [];
    if (!name) throw new Error(`line ${line}: '${header}' does not count one variable up, or down, by one`);
    const [bound, other] = up === undefined ? [start0, down] : [up, start0];
    const capped = /^min\((.*)\)$/.exec(bound);
    const [limit, most] = capped ? split(capped[1]) : [undefined, bound];
    const [least, beyond] = [valueOf(other), valueOf(most)];
    if (least === undefined || beyond === undefined)
      throw new Error(`line ${line}: '${other}' and '${most}' must be numbers where a loop is unrolled`);
    const [start, end] = statementAt(text, close + 1);
    const body = text.slice(start, end);
    let copies = "";
    for (let n = beyond - 1; n >= least; n--) {
      const number = up === undefined ? n + 1 : n;
      const copy = `{ ${decide(body.replace(new RegExp(`(?<![\\w.])${name}\\b`, "g"), String(number)))} }`;
      copies = up === undefined ? `${copies} ${copy}` : `${copy} ${copies}`;
      if (limit !== undefined && n > 0) copies = `if (${limit} > ${n}) { ${copies} }`;
    }
    text = `${text.slice(0, found.index)}{ ${copies} }${text.slice(end)}`;
  }
}

const kinds = "registers|registerGrid|addresses";
const declaration = new RegExp(`\\bconst (\\w+) = (${kinds})\\(([^)]*)\\);`, "g");

/** Variables for what registers(), registerGrid() and addresses() hold. */
function nameRegisters(text) {
  const declared = [...text.matchAll(declaration)];
  const sizes = new Map();
  for (const [, name, , list] of declared) {
    const size = split(list).map(valueOf);
    if (size.includes(undefined)) throw new Error(`the sizes of '${name}' must be numbers`);
    sizes.set(name, size);
  }
  const all = ([size, ...rest]) =>
    size === undefined ? [""] : Array.from({ length: size }, (_, n) => all(rest).map((end) => `_${n}${end}`)).flat();
  let out = text.replace(declaration, (_, name, kind) => {
    const first = kind === "addresses" ? "<usize>0" : "f32x4.splat(0)";
    const variables = all(sizes.get(name)).map((end) => `${name}${end} = ${first}`);
    return `let ${variables.join(", ")};`;
  });
  for (const [name, size] of sizes)
    out = out.replace(new RegExp(`\\b${name}((?:\\[[^\\]]*\\])+)`, "g"), (whole, list, at) => {
      const index = [...list.matchAll(/\[([^\]]*)\]/g)].map(([, one]) => valueOf(one));
      if (index.length !== size.length || index.some((one, n) => !(one >= 0 && one < size[n])))
        throw new Error(
          `line ${lineOf(out, at)}: '${whole.replace(/\s+/g, " ")}' is none of ${name}'s ${size.join(" × ")}`,
        );
      return `${name}_${index.join("_")}`;
    });
  return out;
}

/** The shapes that a source declares: name → [field, type] pairs. */
export function shapesIn(text) {
  return new Map(
    [...withoutComments(text).matchAll(/\binterface (\w+) \{([^}]*)\}/g)].map(([, name, fields]) => [
      name,
      split(fields, ";").map((field) => field.split(":").map((word) => word.trim())),
    ]),
  );
}

/** One function's text, its shapes as variables. `parameters` are those of a function, from its bracket on. */
function spread(text, shapes) {
  const of = new Map();
  const types = [...shapes.keys()].join("|") || "(?!)";
  const open = text.indexOf("(");
  const close = closing(text, open);
  const parameters = split(text.slice(open + 1, close)).flatMap((parameter) => {
    const [name, type] = parameter.split(/\s*:\s*/);
    if (!shapes.has(type)) return [parameter];
    of.set(name, type);
    return shapes.get(type).map(([field, fieldType]) => `${name}_${field}: ${fieldType}`);
  });
  let body = text.slice(close + 1).replace(
    /\b(const|let) \{([^}]*)\} = (\w+);/g,
    (_, word, list, record) =>
      `${word} ${split(list)
        .map((field) => `${field} = ${record}.${field}`)
        .join(", ")};`,
  );
  for (;;) {
    const found = new RegExp(`\\b(const|let) (\\w+): (${types}) = \\{`).exec(body);
    if (!found) break;
    const [whole, word, name, type] = found;
    of.set(name, type);
    const from = found.index + whole.length - 1;
    const end = closing(body, from);
    const values = new Map(
      split(body.slice(from + 1, end)).map((entry) => {
        const [field, ...value] = entry.split(":");
        return [field.trim(), value.length > 0 ? value.join(":").trim() : field.trim()];
      }),
    );
    const wanted = shapes.get(type);
    if (values.size !== wanted.length || wanted.some(([field]) => !values.has(field)))
      throw new Error(`'${name}' needs ${wanted.map(([field]) => field).join(", ")}`);
    const variables = wanted.map(([field, fieldType]) => `${name}_${field}: ${fieldType} = ${values.get(field)}`);
    body = `${body.slice(0, found.index)}${word} ${variables.join(", ")}${body.slice(end + 1)}`;
  }
  for (const [name, type] of of) {
    const fields = shapes.get(type).map(([field]) => field);
    body = body.replace(new RegExp(`(?<![\\w.])${name}\\.(\\w+)`, "g"), (_, field) => {
      if (!fields.includes(field)) throw new Error(`${type} has no '${field}'`);
      return `${name}_${field}`;
    });
    body = body.replace(
      new RegExp(`(?<![\\w.])${name}\\b(?!\\s*:)`, "g"),
      fields.map((field) => `${name}_${field}`).join(", "),
    );
  }
  return `${text.slice(0, open + 1)}${parameters.join(", ")})${body}`;
}

/** The AssemblyScript of one source. `shapes` are those of all sources. */
export function expand(text, shapes) {
  let out = withoutComments(text)
    .replace(/\b(?:export )?interface \w+ \{[^}]*\}/g, "")
    .replace(/\bexport declare function [^;]*;/g, "")
    .replace(new RegExp(`\\b(?:${kinds})\\b,?(?=[^;(]*\\} from)`, "g"), "")
    .replace(/import type \{[^}]*\} from "[^"]*";/g, "");
  for (let at = 0; ;) {
    const found = /\bfunction \w+\(/.exec(out.slice(at));
    if (!found) return out;
    const start = at + found.index;
    const brace = out.indexOf("{", closing(out, out.indexOf("(", start)));
    const end = closing(out, brace) + 1;
    const made = nameRegisters(unroll(spread(out.slice(start, end), shapes)));
    out = out.slice(0, start) + made + out.slice(end);
    at = start + made.length;
  }
}
