/** Chromium without a window, as the distribution ships it: nothing is downloaded. */
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { chromium, type Browser } from "playwright-core";

export type { Browser, BrowserContext, CDPSession, Page } from "playwright-core";

const names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/** The browser that CHROMIUM names, or the first on PATH; null where there is none. */
export function findBrowser(): string | null {
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  const found = names.flatMap((name) => folders.map((folder) => join(folder, name))).find((path) => existsSync(path));
  return process.env["CHROMIUM"] ?? found ?? null;
}

/** Says on stderr, where nobody overlooks it, that what needs a browser did not run. */
export function warnWithoutBrowser(what: string): void {
  if (findBrowser() === null)
    process.stderr.write(
      `\n!!! No Chromium found: ${what} is NOT tested. Install one (Debian: apt-get install chromium) or set CHROMIUM.\n\n`,
    );
}

export function startBrowser(): Promise<Browser> {
  const executablePath = findBrowser();
  if (executablePath === null) throw new Error("no Chromium on PATH");
  return chromium.launch({
    executablePath,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
}
