/** Pages of ids in order of creation: ids are ULIDs, so the order of names is the order of time. */
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
  read: (ids: string[]) => Promise<(Item | null)[]>,
): Promise<Page<Item>> {
  const found: { id: string; item: Item }[] = [];
  let after = request.after;
  for (;;) {
    const wanted = Math.max(request.limit + 1 - found.length, 25);
    const ids = await idsAfter(redis, index, { limit: wanted, after, order: request.order });
    const items = await read(ids);
    for (const [at, id] of ids.entries()) {
      const item = items[at];
      if (item !== null && item !== undefined) found.push({ id, item });
    }
    if (found.length > request.limit || ids.length < wanted) break;
    after = ids.at(-1);
  }
  const data = found.slice(0, request.limit);
  const hasMore = found.length > request.limit;
  return { data: data.map(({ item }) => item), hasMore, nextAfter: hasMore ? (data.at(-1)?.id ?? null) : null };
}
