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
    .regex(/^((job|ds|mdl|swp|evl|key|prj)_[0-9A-Z]{26}|prj_default)$/, "expected the nextAfter of the page before")
    .optional()
    .describe("nextAfter of the page before; leave it out for the first page"),
  order: usually(pageOrder, "desc").describe("by time of creation; desc by default"),
});
/** A name that the entries of a list must have. */
export const nameFilter = z.string().max(200).optional().describe("only those of exactly this name");

/** A dataset that the entries of a list must have been made with. */
export const datasetFilter = z.string().max(200).optional().describe("only those of this dataset: its id or alias");

const metadataPrefix = "metadata.";
const metadataValue = z.string().max(512);

/** A list's query that may also ask for entries of metadata, `?metadata.team=vision`: they come out as `metadata`. */
export const withMetadata = <Shape extends z.ZodRawShape>(query: z.ZodObject<Shape>) => {
  const own = query.extend({
    "metadata.*": metadataValue
      .optional()
      .describe("only those whose metadata has this entry: `metadata.team=vision`; several must all be there"),
  });
  return own.catchall(z.unknown()).transform((given, context) => {
    const metadata: [string, string][] = [];
    const rest: Record<string, unknown> = {};
    for (const [field, value] of Object.entries(given)) {
      if (!field.startsWith(metadataPrefix) || field === metadataPrefix) {
        if (Object.hasOwn(query.shape, field)) rest[field] = value;
        else context.addIssue({ code: "unrecognized_keys", keys: [field], input: given, inst: own });
        continue;
      }
      const read = metadataValue.safeParse(value);
      if (read.success) metadata.push([field.slice(metadataPrefix.length), read.data]);
      else
        context.addIssue({
          code: "custom",
          path: [field],
          input: value,
          message: "expected one text of at most 512 characters",
        });
    }
    return { ...(rest as z.output<z.ZodObject<Shape>>), metadata: Object.fromEntries(metadata) };
  });
};
export type PageQuery = z.output<typeof pageQuery>;

export const pageOf = <Item extends z.ZodType>(item: Item) =>
  z.strictObject({
    data: z.array(item).describe("the entries of this page, in the order asked for"),
    hasMore: z.boolean().describe("whether more entries follow this page"),
    nextAfter: z.string().nullable().describe("pass it as ?after= to get the next page; null on the last page"),
  });
