/** What is put into every page that is measured, before its own scripts: clocks that it does not know of. */

/** Kept under one name of the page's window. */
export interface Watch {
  /** When the heading stood there, in milliseconds since the page was asked for. */
  shown: number | null;
  /** Start and duration of tasks above 50 ms. */
  longTasks: { start: number; duration: number }[];
  /** What moved without being asked to, as the browser scores it. */
  shifts: { at: number; value: number; what: string[] }[];
  /** The newest time of a pointer event. */
  pointed: number | null;
}

/** The part of a browser's globals that is used. */
interface Page {
  watch: Watch;
  document: { querySelector: (selector: string) => object | null };
  addEventListener: (type: string, listen: (event: { timeStamp: number }) => void, capture: boolean) => void;
  MutationObserver: new (call: () => void) => { observe: (of: object, how: object) => void };
  PerformanceObserver: new (call: (list: { getEntries: () => Entry[] }) => void) => {
    observe: (how: { type: string; buffered: boolean }) => void;
  };
}
interface Entry {
  startTime: number;
  duration: number;
  value: number;
  sources?: { node: { nodeName?: string; className?: string } | null }[];
}

/** Runs in the page: names nothing from outside. */
export function watchPage(): void {
  const page = globalThis as unknown as Page;
  page.watch = { shown: null, longTasks: [], shifts: [], pointed: null };
  const { watch, document } = page;
  new page.MutationObserver(() => {
    if (watch.shown === null && document.querySelector("main h1")) watch.shown = performance.now();
  }).observe(document, { childList: true, subtree: true });
  new page.PerformanceObserver((list) => {
    for (const { startTime, duration } of list.getEntries()) watch.longTasks.push({ start: startTime, duration });
  }).observe({ type: "longtask", buffered: true });
  new page.PerformanceObserver((list) => {
    for (const { startTime, value, sources = [] } of list.getEntries())
      watch.shifts.push({
        at: startTime,
        value,
        what: sources.map(({ node }) => `${node?.nodeName ?? "?"}.${node?.className ?? ""}`),
      });
  }).observe({ type: "layout-shift", buffered: true });
  for (const type of ["pointerdown", "pointermove"])
    page.addEventListener(type, ({ timeStamp }) => (watch.pointed = timeStamp), true);
}
