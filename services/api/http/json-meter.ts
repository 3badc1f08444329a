/**
 * Counts what a JSON body is made of while its bytes arrive, so that a body of ten million empty objects is refused
 * after the first hundred thousand instead of after minutes of parsing. Reads no text and checks no grammar: JSON.parse
 * does that later, on a body whose size is then known to be bearable.
 */
import { Problem } from "./problem.ts";

export interface JsonLimits {
  /** Lists and objects. */
  containers: number;
  /** Names of fields. */
  names: number;
  /** Values: what stands between commas. */
  values: number;
}

const quote = 0x22;
const comma = 0x2c;
const colon = 0x3a;
const backslash = 0x5c;
/** `[` and `{` differ in this bit alone. */
const openBracket = 0x5b;
const caseBit = 0x20;

export class JsonMeter {
  readonly #limits: JsonLimits;
  #containers = 0;
  #commas = 0;
  #colons = 0;
  #inText = false;
  /** Backslashes at the end of what came so far of a text: an odd number makes the next quote a part of it. */
  #slashes = 0;

  constructor(limits: JsonLimits) {
    this.#limits = limits;
  }

  /** Throws `payload-too-large` as soon as there is too much. */
  add(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) at = this.#inText ? this.#skipText(chunk, at) : this.#count(chunk, at);
    const { containers, names, values } = this.#limits;
    if (this.#containers > containers) throw tooMuch(`${containers} lists and objects`);
    if (this.#colons > names) throw tooMuch(`${names} fields`);
    if (this.#commas > values) throw tooMuch(`${values} values`);
  }

  /** Counts up to the next text; answers where that begins. */
  #count(chunk: Buffer, from: number): number {
    for (let at = from; at < chunk.length; at++) {
      const byte = chunk[at];
      if (byte === quote) {
        this.#inText = true;
        this.#slashes = 0;
        return at + 1;
      }
      if (byte === comma) this.#commas += 1;
      else if (byte === colon) this.#colons += 1;
      else if ((byte | caseBit) === (openBracket | caseBit)) this.#containers += 1;
    }
    return chunk.length;
  }

  /** Answers the place behind the quote that ends the text. */
  #skipText(chunk: Buffer, from: number): number {
    const end = chunk.indexOf(quote, from);
    const to = end < 0 ? chunk.length : end;
    let slashes = 0;
    while (to - 1 - slashes >= from && chunk[to - 1 - slashes] === backslash) slashes += 1;
    if (slashes === to - from) slashes += this.#slashes;
    if (end < 0) {
      this.#slashes = slashes;
      return chunk.length;
    }
    this.#inText = slashes % 2 === 1;
    this.#slashes = 0;
    return end + 1;
  }
}

const tooMuch = (what: string): Problem =>
  new Problem({
    code: "payload-too-large",
    detail: `the body has more than ${what}, which no request to this route needs`,
  });
