/**
 * @fastify/multipart without its hooks. They run on every request, with a promise each, and clean up files that were
 * saved to disk; here forms are read as streams, part by part, and nothing is saved (http/uploads.ts).
 */
import { promisify } from "node:util";
import multipart from "@fastify/multipart";
import plugin from "fastify-plugin";
import type { App } from "../http/types.ts";

const register = promisify(multipart as (app: object, options: object, done: (error?: Error) => void) => void);

export const multipartForms = plugin(async (app: App) => {
  const withoutHooks: object = Object.create(app, { addHook: { value: () => withoutHooks } });
  await register(withoutHooks, {});
});
