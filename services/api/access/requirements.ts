/** Which scope a route needs follows from where it stands and what it does. */
import type { Scope } from "../../../schemas/access.ts";

export type Needed = Scope | "open";

declare module "fastify" {
  interface FastifyContextConfig {
    /** Who may call this route, where it is not the rule. */
    access?: Needed;
  }
}

/** What shows or changes something of somebody's. Everything else is the same for all who ask: pages and probes. */
const guarded = /^\/(v1|v2|docs|openapi\.json|metrics)(\/|$)/;
const probes = /^\/v2\/health\//;
const looks = new Set(["GET", "HEAD"]);

export interface AskedRoute {
  url: string;
  method: string | readonly string[];
  config?: { access?: Needed; changesNothing?: boolean } | undefined;
}

export function neededFor({ url, method, config }: AskedRoute): Needed {
  if (config?.access !== undefined) return config.access;
  if (!guarded.test(url) || probes.test(url)) return "open";
  const onlyLooks = [method].flat().every((each) => looks.has(each));
  return onlyLooks || config?.changesNothing === true ? "read" : "write";
}

const ranks: readonly Scope[] = ["read", "write", "admin"];
export const allows = (scope: Scope, needed: Scope): boolean => ranks.indexOf(scope) >= ranks.indexOf(needed);
