/**
 * `?limit=&after=&order=` and `{data, hasMore, nextAfter}`: the form of every list; numbers and flags of a query
 * string.
 */
import { z } from "zod";

/** A whole number in a query string. */
export const queryInteger = (least: number, most: number) =>
  z
    .string()
    .regex(/^\d{1,15}$/, "expected a whole number")
    .meta({ type: "integer", minimum: least, maximum: most })
    .transform(Number)
    .pipe(z.int().min(least).max(most));

export const queryFlag = z.enum(["true", "false"]).transform((text) => text === "true");

export const pageQuery = z.strictObject({
  limit: queryInteger(1, 1000).optional().describe("entries of a page; 50 by default"),
  after: z
    .string()
    .regex(/^(job|ds|mdl)_[0-9A-Z]{26}$/, "expected the nextAfter of the page before")
    .optional()
    .describe("nextAfter of the page before"),
  order: z.enum(["asc", "desc"]).optional().describe("by time of creation; desc by default"),
});

export const pageOf = <Item extends z.ZodType>(item: Item) =>
  z.strictObject({ data: z.array(item), hasMore: z.boolean(), nextAfter: z.string().nullable() });

const usualLimit = 50;

export const pageRequest = (
  query: z.output<typeof pageQuery>,
): { limit: number; after: string | undefined; order: "asc" | "desc" } => ({
  limit: query.limit ?? usualLimit,
  after: query.after,
  order: query.order ?? "desc",
});

/** Path parameters: any text, so that what does not exist is 404 and not 400. */
export const idParams = z.strictObject({ id: z.string() });
