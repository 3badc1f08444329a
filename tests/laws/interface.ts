/** The OpenAPI document as the service answers it, from an api with nothing behind it: no Redis, no storage, no thread. */
import { pino } from "pino";
import { buildApp } from "../../services/api/app.ts";
import type { Dependencies } from "../../services/api/dependencies.ts";
import { readConfig } from "../../services/shared/config.ts";

/** Whatever is asked of it: itself. Routes are only registered here, never called. */
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

export async function interfaceDocument(): Promise<Document> {
  const dependencies = new Proxy(
    { version: "0.0.0", config: readConfig({}), log: pino({ level: "silent" }) },
    { get: (given, name) => (Reflect.has(given, name) ? (Reflect.get(given, name) as unknown) : nothing) },
  );
  const app = await buildApp(dependencies as unknown as Dependencies);
  const document = app.swagger() as unknown as Document;
  await app.close();
  return document;
}
