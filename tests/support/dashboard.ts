/** The dashboard in a real browser: pages in every look, judged by axe, and whatever they complain of. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { expect } from "vitest";

const axeSource = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

export interface Look {
  scheme: "light" | "dark";
  width: number;
  height: number;
}

/** Light and dark, as wide as a desk and as narrow as a telephone. */
export const looks: readonly Look[] = (["light", "dark"] as const).flatMap((scheme) => [
  { scheme, width: 1280, height: 900 },
  { scheme, width: 360, height: 740 },
]);

export interface Opened {
  context: BrowserContext;
  page: Page;
  /** Errors of scripts and of the console, and requests to other hosts. */
  trouble: string[];
}

/** For whatever is waited for: a busy machine may take its time. */
export const patient = { timeout: 90_000 };
/** For a test that goes through several pages in every look. */
export const unhurried = { timeout: 600_000 };

export async function openDashboard(browser: Browser, url: string, look: Look = looks[0]): Promise<Opened> {
  const context = await browser.newContext({
    viewport: { width: look.width, height: look.height },
    colorScheme: look.scheme,
    reducedMotion: "reduce",
    acceptDownloads: true,
  });
  context.setDefaultTimeout(patient.timeout);
  const page = await context.newPage();
  const trouble: string[] = [];
  page.on("pageerror", (error) => trouble.push(String(error)));
  page.on("console", (message) => void (message.type() === "error" && trouble.push(message.text())));
  page.on("request", (request) => {
    const to = request.url();
    if (!to.startsWith(`${url}/`) && !/^(data|blob):/.test(to)) trouble.push(`asked ${to}`);
  });
  return { context, page, trouble };
}

/** Drops files or folders of this machine onto the middle of the page, as a hand would. */
export async function dropFiles(page: Page, files: readonly string[]): Promise<void> {
  const session = await page.context().newCDPSession(page);
  const { width, height } = page.viewportSize() ?? { width: 800, height: 600 };
  const data = { items: [], files: [...files], dragOperationsMask: 1 };
  for (const type of ["dragEnter", "dragOver", "drop"] as const)
    await session.send("Input.dispatchDragEvent", { type, x: width / 2, y: height / 2, data });
  await session.detach();
}

/** Waits until the page says so, and nothing of it is still to come: from then on what is clicked stays where it is. */
export async function whole(page: Page, says: RegExp): Promise<void> {
  await page.getByText(says).first().waitFor();
  await expect.poll(() => page.locator("main .waiting").count(), patient).toBe(0);
}

/**
 * Opens every fold of the page, or those whose summary says so. Their state is set: a hand that clicks waits for a page
 * that stands still, and the page of a job that runs need not.
 */
export const openFolds = (page: Page, says = ""): Promise<void> =>
  page.evaluate((text) => {
    const { document } = globalThis as unknown as Tab;
    for (const fold of document.querySelectorAll("details"))
      if (fold.querySelector("summary")?.textContent.includes(text)) fold.open = true;
  }, says);

interface Fold {
  open: boolean;
  querySelector: (selector: "summary") => { textContent: string } | null;
}

/** What of a browser's globals is read here. */
interface Tab {
  axe: {
    run: (
      options: object,
    ) => Promise<{ violations: { id: string; nodes: { html: string; failureSummary?: string }[] }[] }>;
  };
  document: {
    documentElement: { scrollWidth: number; clientWidth: number };
    querySelectorAll: (selector: "details") => Iterable<Fold>;
    querySelector: (selector: string) => { getBoundingClientRect: () => { left: number; right: number } } | null;
  };
}

/**
 * What axe has to say, a sentence each; whether the page is wider than the window, and whether its own name in the row
 * of pages lies outside.
 */
export async function violationsOf(page: Page): Promise<string[]> {
  // Evaluated rather than put into the page as a script, which the page's own policy refuses.
  await page.evaluate(axeSource);
  return page.evaluate(async () => {
    const { axe, document } = globalThis as unknown as Tab;
    const { violations } = await axe.run({ resultTypes: ["violations"] });
    const found = violations.flatMap(({ id, nodes }) =>
      nodes.map(({ html, failureSummary }) => `${id}: ${html.slice(0, 200)} – ${failureSummary ?? ""}`),
    );
    const { scrollWidth, clientWidth } = document.documentElement;
    if (scrollWidth > clientWidth) found.push(`wider than the window: ${scrollWidth} > ${clientWidth}`);
    const here = document.querySelector("nav [aria-current]")?.getBoundingClientRect();
    if (here && (here.left < 0 || here.right > clientWidth)) found.push("its own name lies outside the row of pages");
    return found;
  });
}
