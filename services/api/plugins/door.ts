/**
 * Who may come in, asked before a route is looked for. Other people's web pages run in a browser that can reach this
 * service although they cannot: they may not write, and a name of theirs that leads here (DNS rebinding) is not served.
 */
import { hostname } from "node:os";
import { isIP } from "node:net";
import type { FastifyRequest } from "fastify";
import plugin from "fastify-plugin";
import { isProbe } from "../http/probes.ts";
import { isAllowedOrigin } from "./cors.ts";
import { Problem } from "../http/problem.ts";
import type { App } from "../http/types.ts";

export interface DoorOptions {
  /** HOST. */
  host: string;
  /** ALLOWED_HOSTS. */
  allowed: readonly string[];
  /** CORS_ORIGINS. */
  origins: readonly string[];
}

const mostKnownHosts = 1000;
const writes = new Set(["POST", "PUT", "PATCH", "DELETE"]);

/** The name of `name:port`, in lower case and without the brackets of an IPv6 address. */
const nameOf = (host: string): string =>
  host
    .toLowerCase()
    .replace(/:\d+$/, "")
    .replace(/^\[|\]$/g, "")
    .replace(/\.$/, "");

const inList = (name: string, allowed: readonly string[]): boolean =>
  allowed.some((each) => each === "*" || (each.startsWith(".") ? name.endsWith(each) : name === each));

function nameOfOrigin(origin: string): string | null {
  try {
    return nameOf(new URL(origin).host);
  } catch {
    return null;
  }
}

export const door = plugin(async (app: App, { host, allowed, origins }: DoorOptions) => {
  const own = new Set(["localhost", nameOf(host), hostname().toLowerCase()]);
  // An address is no name that somebody could lead elsewhere.
  const isServed = (name: string): boolean =>
    isIP(name) > 0 || own.has(name) || name.endsWith(".localhost") || inList(name, allowed);

  /** The same few names come all the time. */
  const served = new Map<string, boolean>();
  const isServedHost = (host: string): boolean => {
    const known = served.get(host);
    if (known !== undefined) return known;
    if (served.size === mostKnownHosts) served.clear();
    const found = isServed(nameOf(host));
    served.set(host, found);
    return found;
  };

  const checkHost = (request: FastifyRequest): void => {
    const { rawHeaders } = request.raw;
    let count = 0;
    for (let at = 0; at < rawHeaders.length; at += 2)
      if (rawHeaders[at].length === 4 && rawHeaders[at].toLowerCase() === "host") count += 1;
    if (count !== 1 && request.raw.httpVersion !== "1.0")
      throw new Problem({
        code: "invalid-request",
        detail: `the request has ${count === 0 ? "no Host header" : `${count} Host headers`}; expected one`,
      });
    const { host: asked } = request;
    if (asked === undefined || isServedHost(asked) || isProbe(request.url)) return;
    throw new Problem({
      code: "misdirected",
      detail: `this service is not called '${nameOf(asked).slice(0, 100)}'; call it by its address, or name it in ALLOWED_HOSTS`,
    });
  };

  const checkSite = (request: FastifyRequest): void => {
    if (!writes.has(request.method)) return;
    const { origin, "sec-fetch-site": site } = request.headers;
    const from = origin === undefined ? null : nameOfOrigin(origin);
    if (from !== null && (inList(from, allowed) || isAllowedOrigin(origins, origin))) return;
    const strange = origin !== undefined && (from === null || (from !== nameOf(request.host) && !isServed(from)));
    if (site !== "cross-site" && !strange) return;
    throw new Problem({
      code: "cross-site",
      detail: `a page of ${origin?.slice(0, 100) ?? "another site"} may not write here; name its host in ALLOWED_HOSTS or its origin in CORS_ORIGINS if it may`,
    });
  };

  app.addHook("onRequest", (request, _reply, done) => {
    checkHost(request);
    checkSite(request);
    const encoding = request.headers["content-encoding"];
    if (encoding !== undefined && encoding.trim().toLowerCase() !== "identity" && encoding.trim() !== "")
      throw new Problem({
        code: "unsupported-media-type",
        detail: `a body with content-encoding '${encoding.slice(0, 60)}' is not read here; send it as it is`,
        headers: { "accept-encoding": "identity" },
      });
    done();
  });
});
