/** Whoever wrote something reads it at once: a write is answered when the copies of this process know of it. */
import plugin from "fastify-plugin";
import type { App } from "../http/types.ts";
import type { Mirror } from "../mirror.ts";

declare module "fastify" {
  interface FastifyContextConfig {
    /** A question, although it is sent by POST. */
    changesNothing?: boolean;
  }
}

export const caughtUp = plugin(async (app: App, { mirror }: { mirror: Mirror }) => {
  app.addHook("onRoute", (route) => {
    if (route.method === "GET" || route.method === "HEAD" || route.config?.changesNothing === true) return;
    const before = [route.onSend ?? []].flat();
    route.onSend = [...before, async () => mirror.caughtUp()];
  });
});
