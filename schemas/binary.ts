/** Bodies and parts that are no JSON. */
import { z } from "zod";

/** A file in a form, or a body that is one. */
export const file = z.string().meta({ format: "binary" });
