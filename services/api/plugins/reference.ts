/** GET /docs: the interface as a page to read and to try out. It is whole: no request leaves for another host. */
import { createHash } from "node:crypto";
import scalar from "@scalar/fastify-api-reference";
import type { App } from "../http/types.ts";

/** Everything comes from here. The viewer sets styles of elements, and starts by the one script that we hash. */
const policy = (page: string): string => {
  const hashes = [...page.matchAll(/<script(?![^>]* src=)[^>]*>([\s\S]*?)<\/script>/g)].map(
    ([, script]) => `'sha256-${createHash("sha256").update(script).digest("base64")}'`,
  );
  return [
    "default-src 'self'",
    `script-src 'self' ${hashes.join(" ")}`,
    "script-src-attr 'none'",
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data: blob:",
    "font-src 'self' data:",
    "object-src 'none'",
    "base-uri 'self'",
    "frame-ancestors 'self'",
  ].join("; ");
};

/** Our own fonts, and no mark of the viewer's makers. */
const look = `
  :root {
    --scalar-font: system-ui, sans-serif;
    --scalar-font-code: ui-monospace, monospace;
  }
  a[href*="scalar.com"] { display: none !important; }
`;

/** A browser that finds no icon in the page would ask for /favicon.ico. */
const icon =
  '<link rel="icon" href="data:image/svg+xml,%3Csvg xmlns=%22http://www.w3.org/2000/svg%22 viewBox=%220 0 4 4%22%3E' +
  '%3Cpath d=%22M0 0h3v3H0z%22 fill=%22%2393b4e8%22/%3E%3Cpath d=%22M1 1h3v3H1z%22 fill=%22%232456a6%22/%3E%3C/svg%3E">';

/** In a context of its own: the policy is that of these pages alone. */
export async function reference(app: App): Promise<void> {
  app.addHook("onSend", async (_request, reply, payload) => {
    if (typeof payload !== "string" || !String(reply.getHeader("content-type")).startsWith("text/html")) return payload;
    reply.header("content-security-policy", policy(payload));
    return payload.replace("<head>", `<head>${icon}`);
  });
  await app.register(scalar, {
    routePrefix: "/docs",
    configuration: {
      url: "/openapi.json",
      pageTitle: "feature-maps: the interface",
      _integration: null,
      customCss: look,
      theme: "default",
      layout: "modern",
      // Whatever would speak with the viewer's makers.
      withDefaultFonts: false,
      telemetry: false,
      agent: { disabled: true },
      showDeveloperTools: "never",
      hideClientButton: true,
    },
  });
}
