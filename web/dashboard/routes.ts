/** Every page: its path (`:name` is a part that varies) and its file, which is loaded when it is first shown. */
import type { ComponentType } from "preact";
import type { PageProps } from "./router.ts";

export interface Route {
  path: string;
  load: () => Promise<{ default: ComponentType<PageProps> }>;
}

export const routes: readonly Route[] = [
  { path: "/", load: () => import("./pages/start/page.tsx") },
  { path: "/models", load: () => import("./pages/models/page.tsx") },
  { path: "/models/:id", load: () => import("./pages/model/page.tsx") },
  { path: "/models/:id/mathematics", load: () => import("./pages/mathematics/page.tsx") },
  { path: "/datasets", load: () => import("./pages/datasets/page.tsx") },
  { path: "/datasets/:id", load: () => import("./pages/dataset/page.tsx") },
  { path: "/sweeps", load: () => import("./pages/sweeps/page.tsx") },
  { path: "/sweeps/new", load: () => import("./pages/new-sweep/page.tsx") },
  { path: "/sweeps/:id", load: () => import("./pages/sweep/page.tsx") },
  { path: "/system", load: () => import("./pages/system/page.tsx") },
  { path: "/jobs", load: () => import("./pages/jobs/page.tsx") },
  { path: "/jobs/new", load: () => import("./pages/training/page.tsx") },
  { path: "/jobs/compare", load: () => import("./pages/compare/page.tsx") },
  { path: "/jobs/:id", load: () => import("./pages/job/page.tsx") },
];

export interface Found {
  route: Route;
  params: Record<string, string>;
}

function match(route: Route, path: string): Found | null {
  const [wanted, given] = [route.path, path].map((each) => each.split("/").filter(Boolean));
  if (wanted.length !== given.length) return null;
  const params: Record<string, string> = {};
  for (const [at, part] of wanted.entries()) {
    if (part.startsWith(":")) params[part.slice(1)] = decodeURIComponent(given[at]);
    else if (part !== given[at]) return null;
  }
  return { route, params };
}

/** The first route of that path. */
export function findRoute(path: string): Found | null {
  for (const route of routes) {
    const found = match(route, path);
    if (found) return found;
  }
  return null;
}
