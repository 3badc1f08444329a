/** Labels as they come, numbers or names, made into class indices. */
import type { DatasetLimits } from "../../shared/dataset-limits.ts";
import { grouped, nameLimit } from "../../shared/dataset-limits.ts";
import { printable, refuse } from "./refused.ts";
import type { Complaints } from "./refused.ts";

export interface Place {
  file: string;
  /** Row, line or sample, counted as the file's own tools count. */
  row: number | null;
}

export interface SettledLabels {
  classes: string[];
  /** From the index given while reading to the final one; null: unchanged. */
  remap: Int32Array | null;
}

const whole = /^-?\d+$/;
const decimal = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;
/** A whole number however it is spelled: 5.0, as tables with a gap are written, or 5.000e+00, as numpy writes them. */
const asWhole = (text: string): string =>
  !whole.test(text) && decimal.test(text) && Number.isSafeInteger(Number(text)) ? String(Number(text)) : text;
const longestName = 100;

/** Folder names and text labels in a natural order: numbers as numbers however spelled, all else by code point. */
export const byName = (left: string, right: string): number => {
  if (decimal.test(left) && decimal.test(right) && Number(left) !== Number(right)) return Number(left) - Number(right);
  return left < right ? -1 : left > right ? 1 : 0;
};

/**
 * With a list of class names, labels are names from it or indices into it. Without one the first label decides: numbers
 * are the indices themselves, names are put in order at the end.
 */
export class LabelBook {
  readonly #classes: readonly string[] | null;
  readonly #limits: DatasetLimits;
  readonly #complaints: Complaints;
  readonly #indices = new Map<string, number>();
  #mode: "list" | "numbers" | "names" | null;
  #largest = -1;
  #largestAt: Place | null = null;

  constructor(options: { classes: readonly string[] | null; limits: DatasetLimits; complaints: Complaints }) {
    this.#classes = options.classes;
    this.#limits = options.limits;
    this.#complaints = options.complaints;
    this.#mode = options.classes ? "list" : null;
    for (const [index, name] of (options.classes ?? []).entries()) this.#indices.set(name, index);
  }

  /** The index of a text or number label; −1 after a complaint. */
  of(label: string | number, place: Place): number {
    if (typeof label === "number") return this.ofNumber(label, place);
    const given = label.trim();
    const text = this.#indices.has(given) ? given : asWhole(given);
    this.#mode ??= whole.test(text) ? "numbers" : "names";
    const known = this.#mode === "numbers" ? undefined : this.#indices.get(text);
    if (known !== undefined) return known;
    if (this.#mode !== "names" && whole.test(text)) return this.ofNumber(Number(text), place);
    if (this.#mode === "names") return this.#newName(text, place);
    const expected = this.#classes
      ? `one of the ${this.#classes.length} given classes or an index into them`
      : "a whole number, as in the first row";
    this.#complaints.add(place.file, place.row, `found the label '${printable(text, 40)}'; expected ${expected}`);
    return -1;
  }

  ofNumber(label: number, place: Place): number {
    this.#mode ??= "numbers";
    if (this.#mode === "names") return this.of(String(label), place);
    const listed = this.#mode === "list" ? this.#indices.get(String(label)) : undefined;
    if (listed !== undefined) return listed;
    const most = this.#classes ? this.#classes.length - 1 : this.#limits.MAX_CLASSES - 1;
    if (!Number.isInteger(label) || label < 0 || label > most) {
      const why = this.#classes
        ? `${this.#classes.length} classes are given`
        : `MAX_CLASSES is ${grouped(this.#limits.MAX_CLASSES)}`;
      this.#complaints.add(
        place.file,
        place.row,
        `found the label ${label}; expected a whole number from 0 to ${most} (${why})${label < 0 && !this.#classes ? '; labels such as -1 and 1 are named in `classes`, ["-1","1"]' : ""}`,
      );
      return -1;
    }
    if (label > this.#largest) {
      this.#largest = label;
      this.#largestAt = place;
    }
    return label;
  }

  /** A folder's name is a name, even where it looks like a number; a given list may also be pointed into by number. */
  ofFolder(name: string, place: Place): number {
    this.#mode ??= "names";
    return this.of(name, place);
  }

  #newName(text: string, place: Place): number {
    if (text === "" || text.length > longestName) {
      this.#complaints.add(
        place.file,
        place.row,
        text === ""
          ? "found an empty label; expected a class"
          : `found a label of ${text.length} characters; expected at most ${longestName}`,
      );
      return -1;
    }
    if (this.#indices.size >= this.#limits.MAX_CLASSES)
      refuse(
        place.file,
        `has more than ${nameLimit(this.#limits, "MAX_CLASSES")} different labels (folders, or values of the label column); is it the right folder or column?`,
        place.row,
      );
    const index = this.#indices.size;
    this.#indices.set(text, index);
    return index;
  }

  /** Whether labels are names without a list: digits are then names too, zeros in front included. */
  get named(): boolean {
    return this.#mode === "names";
  }

  /** The largest number seen and where it stood first. */
  get largest(): Place | null {
    return this.#largestAt;
  }

  settle(): SettledLabels {
    if (this.#classes) return { classes: [...this.#classes], remap: null };
    if (this.#mode !== "names")
      return { classes: Array.from({ length: this.#largest + 1 }, (_, index) => String(index)), remap: null };
    const sorted = [...this.#indices].sort(([left], [right]) => byName(left, right));
    const remap = new Int32Array(sorted.length);
    for (const [final, [, index]] of sorted.entries()) remap[index] = final;
    return { classes: sorted.map(([name]) => name), remap };
  }
}
