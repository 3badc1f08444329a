/** Reads JSON bodies: what is broken is said with its place, and nobody may name __proto__ or constructor.prototype. */
import plugin from "fastify-plugin";
import { Problem } from "../problem.ts";
import type { App } from "../types.ts";

/** Whether some object of the value has a key that a careless copy would write into a prototype. Walks without recursion: bodies may be deep. */
function namesPrototype(value: unknown): boolean {
  const waiting: unknown[] = [value];
  while (waiting.length > 0) {
    const each = waiting.pop();
    if (typeof each !== "object" || each === null) continue;
    if (Object.hasOwn(each, "__proto__")) return true;
    if (Object.hasOwn(each, "constructor")) {
      const inner = (each as { constructor: unknown }).constructor;
      if (typeof inner === "object" && inner !== null && Object.hasOwn(inner, "prototype")) return true;
    }
    for (const inner of Object.values(each)) if (typeof inner === "object" && inner !== null) waiting.push(inner);
  }
  return false;
}

const suspicious = /proto|\\u/;

export function parseJson(text: string): unknown {
  if (text.trim() === "") throw new Problem({ code: "malformed-body", detail: "the body is empty, but its type says JSON" });
  let value: unknown;
  try {
    value = JSON.parse(text.charCodeAt(0) === 0xfeff ? text.slice(1) : text);
  } catch (error) {
    throw new Problem({ code: "malformed-body", detail: `the body is not valid JSON: ${(error as Error).message.slice(0, 200)}` });
  }
  if (suspicious.test(text) && namesPrototype(value)) throw new Problem({ code: "malformed-body", detail: "the body names __proto__ or constructor.prototype, which no request may" });
  return value;
}

export const jsonBody = plugin(async (app: App) => {
  app.addContentTypeParser("application/json", { parseAs: "string" }, (_request, text, done) => {
    try {
      done(null, parseJson(text as string));
    } catch (error) {
      done(error as Error);
    }
  });
});
