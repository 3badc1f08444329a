/** Signatures of Standard Webhooks: HMAC-SHA-256 over id, time and body. */
import { createHmac } from "node:crypto";

/** `whsec_…` is a key in base64; anything else is taken as it is. */
const keyOf = (secret: string): Buffer =>
  secret.startsWith("whsec_") ? Buffer.from(secret.slice(6), "base64") : Buffer.from(secret, "utf8");

export interface WebhookMessage {
  /** The same for every try. */
  id: string;
  /** Seconds since 1970. */
  timestamp: number;
  body: string;
}

/** Headers of a call; unsigned where the user gave no secret. */
export function webhookHeaders(message: WebhookMessage, secret: string | null): Record<string, string> {
  const { id, timestamp, body } = message;
  const signature =
    secret === null ? null : createHmac("sha256", keyOf(secret)).update(`${id}.${timestamp}.${body}`).digest("base64");
  return {
    "content-type": "application/json",
    "user-agent": "feature-maps-webhooks/1",
    "webhook-id": id,
    "webhook-timestamp": String(timestamp),
    ...(signature === null ? {} : { "webhook-signature": `v1,${signature}` }),
  };
}
