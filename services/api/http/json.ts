/**
 * Reads JSON bodies once: into values, and lists of numbers that a route names into float32. Refuses what JSON.parse
 * takes and we do not: a field named twice, of which the first would be dropped in silence; lists in lists without end,
 * which code that walks them could not leave again; and names that a careless copy would write into a prototype.
 */
import { pictureKind } from "../../shared/pictures.ts";
import { endOfNumberList, readNumberList } from "./number-list.ts";
import { Problem, invalid } from "./problem.ts";
import { pointerOf } from "../../shared/parse.ts";

const mostDeep = 64;
/** Values of one body, a list of numbers counted as one: what nobody needs, and nobody may keep us busy with. */
const mostValues = 1_000_000;

/** Where lists of numbers stand: names on the way to them, "*" for every entry of a list. */
export type NumberListsAt = readonly string[];

/** What was read is no JSON; JSON.parse says it better. */
class NotJson extends Error {}

const literals: readonly [string, unknown][] = [
  ["true", true],
  ["false", false],
  ["null", null],
];
const numberForm = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/;
const isNumberSign = (sign: number): boolean =>
  (sign >= 0x30 && sign <= 0x39) || sign === 0x2d || sign === 0x2b || sign === 0x2e || sign === 0x65 || sign === 0x45;

class Reader {
  readonly #bytes: Buffer;
  readonly #listsAt: NumberListsAt | null;
  /** Names and indices on the way to the value that is being read. */
  readonly #path: (string | number)[] = [];
  #at = 0;
  #values = 0;

  constructor(bytes: Buffer, listsAt: NumberListsAt | null) {
    this.#bytes = bytes;
    this.#listsAt = listsAt;
  }

  whole(): unknown {
    const [first, second, third] = this.#bytes;
    if (first === 0xef && second === 0xbb && third === 0xbf) this.#at = 3;
    const value = this.#value();
    this.#sign();
    if (this.#at !== this.#bytes.length) throw new NotJson();
    return value;
  }

  /** The next sign that is no space; NaN at the end. */
  #sign(): number {
    const bytes = this.#bytes;
    let sign = bytes[this.#at];
    while (sign === 0x20 || sign === 0x0a || sign === 0x0d || sign === 0x09) sign = bytes[++this.#at];
    return this.#at < bytes.length ? sign : NaN;
  }

  #value(): unknown {
    const sign = this.#sign();
    if ((this.#values += 1) > mostValues)
      throw new Problem({ code: "payload-too-large", detail: `the body has more than ${mostValues} values` });
    if (sign === 0x7b) return this.#object();
    if (sign === 0x5b) return this.#list();
    if (sign === 0x22) return this.#text();
    return isNumberSign(sign) ? this.#number() : this.#literal();
  }

  #enter(): void {
    if (this.#path.length === mostDeep)
      throw invalid(
        pointerOf("", this.#path),
        `lies more than ${mostDeep} lists or objects deep; nothing here is nested so deep`,
      );
    this.#at += 1;
  }

  #object(): object {
    this.#enter();
    const read: Record<string, unknown> = {};
    if (this.#sign() === 0x7d) {
      this.#at += 1;
      return read;
    }
    const depth = this.#path.push("") - 1;
    for (;;) {
      if (this.#sign() !== 0x22) throw new NotJson();
      const name = this.#text();
      this.#path[depth] = name;
      if (name === "__proto__") throw prototypeNamed();
      if (Object.hasOwn(read, name))
        throw invalid(pointerOf("", this.#path), "stands twice in this object; expected every field once");
      if (this.#sign() !== 0x3a) throw new NotJson();
      this.#at += 1;
      const value = this.#value();
      if (name === "constructor" && typeof value === "object" && value !== null && Object.hasOwn(value, "prototype"))
        throw prototypeNamed();
      read[name] = value;
      if (this.#ends(0x7d)) break;
    }
    this.#path.pop();
    return read;
  }

  #list(): unknown {
    if (this.#isNumberList()) {
      const numbers = readNumberList(this.#bytes, this.#at);
      if (numbers) {
        this.#at = endOfNumberList();
        return numbers;
      }
    }
    this.#enter();
    const read: unknown[] = [];
    if (this.#sign() === 0x5d) {
      this.#at += 1;
      return read;
    }
    const depth = this.#path.push(0) - 1;
    for (;;) {
      this.#path[depth] = read.length;
      read.push(this.#value());
      if (this.#ends(0x5d)) break;
    }
    this.#path.pop();
    return read;
  }

  /** Behind a value: whether a list or an object ends here, or goes on. */
  #ends(bracket: number): boolean {
    const sign = this.#sign();
    this.#at += 1;
    if (sign !== bracket && sign !== 0x2c) throw new NotJson();
    return sign === bracket;
  }

  #isNumberList(): boolean {
    const wanted = this.#listsAt;
    const path = this.#path;
    if (!wanted || wanted.length !== path.length) return false;
    for (let at = 0; at < wanted.length; at++)
      if (wanted[at] !== path[at] && !(wanted[at] === "*" && typeof path[at] === "number")) return false;
    return true;
  }

  #text(): string {
    const bytes = this.#bytes;
    const from = this.#at + 1;
    let at = bytes.indexOf(0x22, from);
    for (;;) {
      if (at < 0) throw new NotJson();
      let slashes = 0;
      while (bytes[at - 1 - slashes] === 0x5c) slashes += 1;
      if (slashes % 2 === 0) break;
      at = bytes.indexOf(0x22, at + 1);
    }
    this.#at = at + 1;
    const text = bytes.toString("utf8", from, at);
    // Escapes, and signs that may not stand unescaped: rare, and JSON.parse knows them all.
    return unusual.test(text) ? (JSON.parse(`"${text}"`) as string) : text;
  }

  #number(): number {
    const bytes = this.#bytes;
    const from = this.#at;
    while (isNumberSign(bytes[this.#at])) this.#at += 1;
    const text = bytes.toString("latin1", from, this.#at);
    if (!numberForm.test(text)) throw new NotJson();
    return Number(text);
  }

  #literal(): unknown {
    for (const [text, value] of literals) {
      if (this.#bytes.toString("latin1", this.#at, this.#at + text.length) !== text) continue;
      this.#at += text.length;
      return value;
    }
    throw new NotJson();
  }
}

const unusual = /[\\\u0000-\u001f]/;

const prototypeNamed = (): Problem =>
  new Problem({
    code: "malformed-body",
    detail: "the body names __proto__ or constructor.prototype, which no request may",
  });

/** Whether a body is empty but for spaces. */
export const isBlank = (bytes: Buffer): boolean => bytes.every((sign) => sign <= 0x20);

/** What JSON.parse has against a text that the reader gave up. */
function complaint(bytes: Buffer): string {
  const picture = pictureKind(bytes);
  if (picture !== null)
    return `it is a ${picture} picture; where pictures are taken, send it with content-type: image/${picture}`;
  try {
    JSON.parse(bytes.toString("utf8"));
    return "it could not be read";
  } catch (error) {
    return (error as Error).message.slice(0, 200);
  }
}

/**
 * The value of a JSON body; lists of finite numbers at `listsAt` become a NumberList. Throws Problem `malformed-body`
 * for what is no JSON, `invalid-request` with a pointer for a field named twice or nesting without end,
 * `payload-too-large`.
 */
export function readJson(bytes: Buffer, listsAt: NumberListsAt | null = null): unknown {
  try {
    return new Reader(bytes, listsAt).whole();
  } catch (error) {
    if (!(error instanceof NotJson) && !(error instanceof SyntaxError)) throw error;
    throw new Problem({ code: "malformed-body", detail: `the body is not valid JSON: ${complaint(bytes)}` });
  }
}
