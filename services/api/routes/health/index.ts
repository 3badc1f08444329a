/** GET /health/live: this process answers. */
import { z } from "zod";
import type { Dependencies } from "../../dependencies.ts";
import type { App } from "../../types.ts";

export function healthRoutes(app: App, { version }: Dependencies): void {
  app.get(
    "/health/live",
    { schema: { tags: ["process"], summary: "Whether this process answers", response: { 200: z.strictObject({ status: z.literal("live"), version: z.string() }) } } },
    async () => ({ status: "live" as const, version }),
  );
}
