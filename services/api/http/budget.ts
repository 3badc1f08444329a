/**
 * Bytes of bodies that this process holds in memory, over all requests. What would go beyond is refused with 503, so
 * that many large bodies at once cannot fill the memory: neither those that are read nor those that never end.
 */
import type { FastifyRequest } from "fastify";
import plugin from "fastify-plugin";
import { Problem } from "./problem.ts";
import type { App } from "./types.ts";

declare module "fastify" {
  interface FastifyRequest {
    heldBytes: number;
    /** Accounts for bytes of this request's body until it is let go. Throws `overloaded`. */
    hold: (bytes: number) => void;
    /** Called once the connection is done with this request (plugins/body-watch). */
    letGo: () => void;
  }
}

const retrySeconds = 2;

export const bodyBudget = plugin(async (app: App, { bytes: most }: { bytes: number }) => {
  let held = 0;
  app.decorateRequest("heldBytes", 0);
  app.decorateRequest("hold", function hold(this: FastifyRequest, bytes: number): void {
    if (this.heldBytes + bytes > most)
      throw new Problem({
        code: "payload-too-large",
        detail: `this body alone needs more than the ${most} bytes that bodies may take in memory (BODY_MEMORY_MIB)`,
      });
    if (held + bytes > most)
      throw new Problem({
        code: "overloaded",
        detail: "the bodies of other requests fill the memory that the service has for them; try again in a moment",
        retryAfter: retrySeconds,
      });
    held += bytes;
    this.heldBytes += bytes;
  });
  app.decorateRequest("letGo", function letGo(this: FastifyRequest): void {
    held -= this.heldBytes;
    this.heldBytes = 0;
  });
});
