/** The way to every page. */
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { place } from "../router.ts";

const links = [
  { path: "/", label: "Home" },
  { path: "/datasets", label: "Datasets" },
  { path: "/jobs", label: "Jobs" },
  { path: "/models", label: "Models" },
  { path: "/sweeps", label: "Sweeps" },
  { path: "/system", label: "System" },
] as const;

const isHere = (path: string, link: string): boolean =>
  link === "/" ? path === "/" : path === link || (path.startsWith(`${link}/`) && path !== "/jobs/new");

export function Navigation(): JSX.Element {
  const { path } = place.value;
  const pages = useRef<HTMLElement>(null);
  // On a narrow screen the row of pages scrolls: the one that is shown may lie outside.
  useEffect(() => {
    pages.current?.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
  }, [path]);
  return (
    <header class="top">
      <a class="brand" href="/">
        <svg viewBox="0 0 32 32" width="24" height="24" aria-hidden="true">
          <rect class="mark-back" x="2" y="2" width="19" height="19" rx="4" />
          <rect class="mark-front" x="11" y="11" width="19" height="19" rx="4" />
        </svg>
        <span>feature-maps</span>
      </a>
      <nav aria-label="Pages" ref={pages}>
        <ul>
          {links.map((link) => (
            <li key={link.path}>
              <a href={link.path} {...(isHere(path, link.path) ? { "aria-current": "page" as const } : {})}>
                {link.label}
              </a>
            </li>
          ))}
        </ul>
      </nav>
      <a
        class="button strong new-training"
        href="/jobs/new"
        {...(path === "/jobs/new" ? { "aria-current": "page" as const } : {})}
      >
        New training
      </a>
    </header>
  );
}
