/** The OpenAPI document as the service answers it, from an api with nothing behind it: no Redis, no storage, no thread. */
import { pino } from "pino";
import { buildApp } from "../../services/api/app.ts";
import type { Dependencies } from "../../services/api/dependencies.ts";
import type { App } from "../../services/api/http/types.ts";
import { readConfig } from "../../services/shared/config.ts";
import { untraced } from "../../services/shared/tracing/index.ts";

/** Whatever is asked of it: itself. What needs more is not asked here. */
const nothing: unknown = new Proxy(() => nothing, {
  get: (_target, name) => (name === "then" || typeof name === "symbol" ? undefined : nothing),
  apply: () => nothing,
});

export interface Node {
  [key: string]: unknown;
}
export interface Document {
  paths: Record<string, Record<string, Node>>;
  components: { schemas: Record<string, Node> };
}

/** Asks such an api. */
export async function interfaceOf<Found>(ask: (app: App) => Promise<Found>): Promise<Found> {
  const dependencies = new Proxy(
    { version: "0.0.0", config: readConfig({}), log: pino({ level: "silent" }), tracing: untraced },
    { get: (given, name) => (Reflect.has(given, name) ? (Reflect.get(given, name) as unknown) : nothing) },
  );
  const app = await buildApp(dependencies as unknown as Dependencies);
  try {
    return await ask(app);
  } finally {
    await app.close();
  }
}

export const interfaceDocument = (): Promise<Document> =>
  interfaceOf(async (app) => app.swagger() as unknown as Document);
