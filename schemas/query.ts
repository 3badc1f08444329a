/** What stands in a path and in a query string, where everything is text: whole numbers, decimals, flags. */
import { z } from "zod";

/** A whole number in a query string. */
export const queryInteger = (least: number, most: number) =>
  z
    .string()
    .regex(/^\d{1,15}$/, "expected a whole number")
    .meta({ type: "integer", minimum: least, maximum: most })
    .transform(Number)
    .pipe(z.int().min(least).max(most));

export const queryDecimal = z
  .string()
  .regex(/^\d{1,9}(\.\d{1,9})?$/, "expected a number")
  .transform(Number);

export const queryFlag = z.enum(["true", "false"]).transform((text) => text === "true");

/** A field that may be left out, and what it is then. The document shows it as optional; the route always has a value. */
export const usually = <Schema extends z.ZodType, const Value extends z.output<Schema>>(schema: Schema, value: Value) =>
  schema.optional().transform((given): z.output<Schema> => given ?? value);

/** Of a sheet of small pictures. */
export const sheetScale = queryInteger(1, 16);

/** Path parameters: any text, so that what does not exist is 404 and not 400. */
export const idParams = z.strictObject({
  id: z.string().describe("id of the resource; of datasets and models the alias does as well"),
});
