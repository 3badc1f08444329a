/** The URL is the state: which page is shown, and how. */
import { signal } from "@preact/signals";

/** What every page is given. */
export interface PageProps {
  /** The parts of the path that vary, by name. */
  params: Readonly<Record<string, string>>;
}

export interface Place {
  path: string;
  query: URLSearchParams;
}

const read = (): Place => ({ path: location.pathname, query: new URLSearchParams(location.search) });

/** Where the reader wants to be: what the address bar says. */
export const heading = signal<Place>(read());

/** Where the page that is shown stands: a page is no longer asked once the reader has left, nor before it is there. */
export const place = signal<Place>(heading.peek());

/** Within a page the query is followed at once; another page is shown when its file has come. */
function follow(): void {
  heading.value = read();
  if (heading.peek().path === place.peek().path) place.value = heading.peek();
}

/** Goes to a path with its query; `replace` leaves no step in the history. */
export function go(to: string, { replace = false }: { replace?: boolean } = {}): void {
  if (to === location.pathname + location.search) return;
  const isNewPage = new URL(to, location.href).pathname !== location.pathname;
  history[replace ? "replaceState" : "pushState"](null, "", to);
  follow();
  if (isNewPage) scrollTo(0, 0);
}

/** A path with what a query says; null and "" are left out. */
export function withQuery(path: string, query: Readonly<Record<string, string | number | null | undefined>>): string {
  const parts = new URLSearchParams();
  for (const [name, value] of Object.entries(query))
    if (value !== null && value !== undefined && value !== "") parts.set(name, String(value));
  const text = parts.toString();
  return text === "" ? path : `${path}?${text}`;
}

/** Changes some of the query of the page that is shown. */
export function setQuery(changes: Readonly<Record<string, string | null>>, how: { replace?: boolean } = {}): void {
  const { path, query } = place.peek();
  go(withQuery(path, { ...Object.fromEntries(query), ...changes }), { replace: true, ...how });
}

/** A click that asks for nothing but the page itself. */
function linkOf(event: MouseEvent, isPage: (path: string) => boolean): HTMLAnchorElement | null {
  if (event.defaultPrevented || event.button !== 0) return null;
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return null;
  const link = event.target instanceof Element ? event.target.closest("a") : null;
  if (!link || link.target !== "" || link.hasAttribute("download")) return null;
  return link.origin === location.origin && isPage(link.pathname) ? link : null;
}

/** Links to pages of ours change the page without a new load; all others go their way. */
export function listenToLinks(isPage: (path: string) => boolean): void {
  document.addEventListener("click", (event) => {
    const link = linkOf(event, isPage);
    if (!link || (link.hash !== "" && link.pathname === location.pathname)) return;
    event.preventDefault();
    go(link.pathname + link.search);
  });
  addEventListener("popstate", follow);
}
