/**
 * Which other origins' pages may use the API from a browser, by CORS_ORIGINS; nobody's where it is empty. They send keys:
 * a session's cookie stays with this origin.
 */
import cors from "@fastify/cors";
import plugin from "fastify-plugin";
import type { App } from "../http/types.ts";

export const isAllowedOrigin = (origins: readonly string[], origin: string | undefined): boolean =>
  origin !== undefined && (origins.includes("*") || origins.includes(origin.toLowerCase()));

const daySeconds = 86_400;

export const crossOrigin = plugin(async (app: App, { origins }: { origins: readonly string[] }) => {
  if (origins.length === 0) return;
  await app.register(cors, {
    origin: (origin, answer) => answer(null, isAllowedOrigin(origins, origin)),
    credentials: false,
    methods: ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"],
    allowedHeaders: [
      "Accept",
      "Authorization",
      "Content-Type",
      "Idempotency-Key",
      "Inference-Header-Content-Length",
      "Last-Event-ID",
    ],
    exposedHeaders: [
      "Content-Disposition",
      "ETag",
      "Idempotency-Replayed",
      "Inference-Header-Content-Length",
      "Location",
      "RateLimit",
      "RateLimit-Policy",
      "Retry-After",
      "WWW-Authenticate",
    ],
    maxAge: daySeconds,
    strictPreflight: true,
  });
});
