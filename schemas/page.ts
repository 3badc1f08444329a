/** `?limit=&after=&order=` and `{data, hasMore, nextAfter}`: the form of every list. */
import { z } from "zod";
import { queryInteger, usually } from "./query.ts";

/** Entries of a page. */
export const pageLimit = queryInteger(1, 1000);
export const pageOrder = z.enum(["asc", "desc"]);

export const pageQuery = z.strictObject({
  limit: usually(pageLimit, 50).describe("entries of a page; 50 by default"),
  after: z
    .string()
    .regex(/^(job|ds|mdl|swp|evl)_[0-9A-Z]{26}$/, "expected the nextAfter of the page before")
    .optional()
    .describe("nextAfter of the page before"),
  order: usually(pageOrder, "desc").describe("by time of creation; desc by default"),
});
export type PageQuery = z.output<typeof pageQuery>;

export const pageOf = <Item extends z.ZodType>(item: Item) =>
  z.strictObject({ data: z.array(item), hasMore: z.boolean(), nextAfter: z.string().nullable() });
