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
    /** Accounts for bytes of this request's body until its connection is done with it. Throws `overloaded`. */
    hold: (bytes: number) => void;
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
  // Whatever has a body is answered, or its connection ends: the answer closes in either case.
  app.addHook("onRequest", (request, reply, done) => {
    const { headers } = request;
    if (headers["content-length"] !== undefined || headers["transfer-encoding"] !== undefined)
      reply.raw.once("close", () => {
        held -= request.heldBytes;
        request.heldBytes = 0;
      });
    done();
  });
});
