/**
 * Pages of ids in order of creation: ids are ULIDs, so the order of names is the order of time. A page has at most as
 * many entries as were asked for, and ends earlier where its records are long.
 */
import type { Redis } from "ioredis";

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

/** Of the records of one page. */
const mostBytes = 4 * 1024 * 1024;
/** How many are read before it is known how long they are. */
const first = 8;

export async function idsAfter(redis: Redis, index: string, request: PageRequest): Promise<string[]> {
  const { limit, after, order } = request;
  if (order === "asc")
    return redis.zrange(index, after === undefined ? "-" : `(${after}`, "+", "BYLEX", "LIMIT", 0, limit);
  return redis.zrange(index, after === undefined ? "+" : `(${after}`, "-", "BYLEX", "REV", "LIMIT", 0, limit);
}

/** Reads a page of an index; `read` may leave out what is gone or does not fit, and then more is read. */
export async function readPage<Item>(
  redis: Redis,
  index: string,
  request: PageRequest,
  read: (ids: string[]) => Promise<(Sized<Item> | null)[]>,
): Promise<Page<Item>> {
  const data: { id: string; item: Item }[] = [];
  let bytes = 0;
  let after = request.after;
  for (;;) {
    const fitting = data.length === 0 ? first : Math.floor(((mostBytes - bytes) * data.length) / Math.max(bytes, 1));
    // One more than wanted, to know whether there are more; what `read` leaves out is made up for.
    const wanted = Math.max(1, Math.min(Math.max(request.limit + 1 - data.length, first), fitting));
    const ids = await idsAfter(redis, index, { limit: wanted, after, order: request.order });
    const found = await read(ids);
    for (const [at, id] of ids.entries()) {
      const each = found[at] ?? null;
      if (each === null) continue;
      const isFull = data.length === request.limit || (data.length > 0 && bytes + each.bytes > mostBytes);
      if (isFull) return pageOf(data, true);
      data.push({ id, item: each.item });
      bytes += each.bytes;
    }
    if (ids.length < wanted) return pageOf(data, false);
    after = ids.at(-1);
  }
}

function pageOf<Item>(data: readonly { id: string; item: Item }[], hasMore: boolean): Page<Item> {
  return { data: data.map(({ item }) => item), hasMore, nextAfter: hasMore ? (data.at(-1)?.id ?? null) : null };
}
