/** What became of the calls to a job's webhook: one delivery for each change of status. */
import { z } from "zod";
import { timestamp } from "./ids.ts";
import { pageLimit, pageOf, pageOrder } from "./page.ts";
import { usually } from "./query.ts";

export const webhookDelivery = z.strictObject({
  event: z.string().describe("id of the event it tells of"),
  message: z.string().describe("the webhook-id of every try"),
  type: z.string().describe("job.<status>"),
  at: timestamp.describe("when the event happened; the body shows the job as it was then"),
  state: z.enum(["waiting", "delivered", "failed"]).describe("failed: given up after the last try"),
  tries: z.int().min(0),
  lastTry: z
    .strictObject({
      at: timestamp,
      status: z.int().nullable().describe("what the server answered; null where it did not"),
      detail: z.string().nullable().describe("why it was not delivered"),
    })
    .nullable(),
});
export type WebhookDelivery = z.infer<typeof webhookDelivery>;

export const webhookPage = pageOf(webhookDelivery);
export type WebhookPage = z.infer<typeof webhookPage>;

export const webhooksQuery = z.strictObject({
  limit: usually(pageLimit, 50).describe("entries of a page; 50 by default"),
  after: z
    .string()
    .regex(/^\d{1,15}$/, "expected the nextAfter of the page before")
    .optional()
    .describe("nextAfter of the page before"),
  order: usually(pageOrder, "asc").describe("by event; asc by default"),
});
