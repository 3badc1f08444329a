/**
 * Pages of ids in order of creation: ids are ULIDs, so the order of names is the order of time. A page has at most as
 * many entries as were asked for, and ends earlier where its records are long, or where a filter leaves few of those
 * that one request looks at: `nextAfter` goes on from there.
 */
import type { Redis } from "ioredis";
import { readFields } from "./hash.ts";

export interface PageRequest {
  /** 1 … 1000. */
  limit: number;
  /** The last id of the page before. */
  after?: string | undefined;
  order: "asc" | "desc";
}

export interface Page<Item> {
  data: Item[];
  hasMore: boolean;
  /** Pass as `after`; null at the end. */
  nextAfter: string | null;
}

/** An entry as it was read, and how much there was to read. */
export interface Sized<Item> {
  item: Item;
  bytes: number;
}

/** What entries of a page must have: of each field of their records, whether its text will do. */
export type Filter = Readonly<Record<string, (text: string | null) => boolean>>;

/** How a list is read. */
export interface Reading<Item> {
  index: string;
  keyOf: (id: string) => string;
  filter?: Filter | undefined;
  /** May leave out what is gone. */
  read: (keys: string[]) => Promise<(Sized<Item> | null)[]>;
}

/** Of the records of one page. */
const mostBytes = 4 * 1024 * 1024;
/** How many are read before it is known how long they are. */
const first = 8;
/** How many a filter looks at in one request, and how many of them at once. */
const mostFiltered = 2000;
const filteredAtOnce = 200;

export async function idsAfter(redis: Redis, index: string, request: PageRequest): Promise<string[]> {
  const { limit, after, order } = request;
  if (order === "asc")
    return redis.zrange(index, after === undefined ? "-" : `(${after}`, "+", "BYLEX", "LIMIT", 0, limit);
  return redis.zrange(index, after === undefined ? "+" : `(${after}`, "-", "BYLEX", "REV", "LIMIT", 0, limit);
}

/** Takes ids from an index, those that the filter lets through. */
class Candidates {
  /** The last id that was looked at. */
  last: string | undefined;
  /** Whether the index goes on beyond what one request looks at. */
  isCutOff = false;
  readonly #redis: Redis;
  readonly #reading: Pick<Reading<unknown>, "index" | "keyOf" | "filter">;
  readonly #order: PageRequest["order"];
  readonly #waiting: string[] = [];
  #looked = 0;

  constructor(redis: Redis, request: PageRequest, reading: Pick<Reading<unknown>, "index" | "keyOf" | "filter">) {
    this.#redis = redis;
    this.#reading = reading;
    this.#order = request.order;
    this.last = request.after;
  }

  /** Fewer than wanted only at the end, or where it is cut off. */
  async take(wanted: number): Promise<string[]> {
    const { index, filter } = this.#reading;
    while (this.#waiting.length < wanted && !this.isCutOff) {
      const limit = filter ? filteredAtOnce : wanted - this.#waiting.length;
      const ids = await idsAfter(this.#redis, index, { limit, after: this.last, order: this.#order });
      this.last = ids.at(-1) ?? this.last;
      this.#looked += ids.length;
      this.#waiting.push(...(filter ? await this.#fitting(ids, filter) : ids));
      if (ids.length < limit) break;
      this.isCutOff = filter !== undefined && this.#looked >= mostFiltered;
    }
    return this.#waiting.splice(0, wanted);
  }

  async #fitting(ids: readonly string[], filter: Filter): Promise<string[]> {
    const names = Object.keys(filter);
    const found = await readFields(this.#redis, ids.map(this.#reading.keyOf), names);
    return ids.filter((_, at) => names.every((name, field) => filter[name](found[at][field])));
  }
}

/** Reads a page of an index. */
export async function readPage<Item>(redis: Redis, request: PageRequest, reading: Reading<Item>): Promise<Page<Item>> {
  const data: { id: string; item: Item }[] = [];
  const candidates = new Candidates(redis, request, reading);
  let bytes = 0;
  for (;;) {
    const fitting = data.length === 0 ? first : Math.floor(((mostBytes - bytes) * data.length) / Math.max(bytes, 1));
    // One more than wanted, to know whether there are more; what `read` leaves out is made up for.
    const wanted = Math.max(1, Math.min(Math.max(request.limit + 1 - data.length, first), fitting));
    const ids = await candidates.take(wanted);
    const found = await reading.read(ids.map(reading.keyOf));
    for (const [at, id] of ids.entries()) {
      const each = found[at] ?? null;
      if (each === null) continue;
      const isFull = data.length === request.limit || (data.length > 0 && bytes + each.bytes > mostBytes);
      if (isFull) return pageOf(data, data.at(-1)?.id);
      data.push({ id, item: each.item });
      bytes += each.bytes;
    }
    if (ids.length < wanted) return pageOf(data, candidates.isCutOff ? candidates.last : undefined);
  }
}

/** `last`: where the next page goes on; undefined at the end. */
const pageOf = <Item>(data: readonly { item: Item }[], last: string | undefined): Page<Item> => ({
  data: data.map(({ item }) => item),
  hasMore: last !== undefined,
  nextAfter: last ?? null,
});
