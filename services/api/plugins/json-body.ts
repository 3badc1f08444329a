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

function parseJson(text: string): unknown {
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
  // Many clients name a type also where they send nothing: a route that takes no body does not mind.
  app.addContentTypeParser("application/json", { parseAs: "string" }, (request, text, done) => {
    try {
      const body = text as string;
      if (body.trim() !== "") return done(null, parseJson(body));
      if (request.routeOptions.schema?.body === undefined) return done(null);
      throw new Problem({ code: "malformed-body", detail: "the body is empty, but its type says JSON" });
    } catch (error) {
      done(error as Error);
    }
  });
  app.removeContentTypeParser("text/plain");
  app.addContentTypeParser("text/plain", { parseAs: "string" }, (request, text, done) => {
    if (text === "" && request.routeOptions.schema?.body === undefined) return done(null);
    done(new Problem({ code: "unsupported-media-type", detail: "this route does not read a body of type 'text/plain'; send JSON with content-type: application/json" }));
  });
});
