/**
 * Pictures of every page of the dashboard into docs/pictures: light, dark, as narrow as a telephone. Starts a service
 * of its own in a temporary folder, gives it data and jobs, and needs Chromium (CHROMIUM, or one on PATH).
 *
 *     npm run pictures                 every page
 *     npm run pictures -- job dataset  these alone
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";
import sharp from "sharp";
import { root } from "./install.mjs";
import { fill, pages } from "./pictures/pages.mjs";

const folder = join(root, "docs", "pictures");
const mostBytes = 1_000_000;
/** Of the window, and of the picture of it. */
const looks = [
  { name: "light", scheme: "light", width: 1280, height: 860, shown: 640 },
  { name: "dark", scheme: "dark", width: 1280, height: 860, shown: 640 },
  { name: "narrow", scheme: "light", width: 360, height: 740, shown: 270 },
];

function findChromium() {
  const folders = (process.env.PATH ?? "").split(delimiter);
  const found = ["chromium", "chromium-browser", "google-chrome"]
    .flatMap((name) => folders.map((each) => join(each, name)))
    .find((path) => existsSync(path));
  const path = process.env.CHROMIUM ?? found;
  if (!path) throw new Error("no Chromium on PATH; install one, or name it in CHROMIUM");
  return path;
}

/** Redis, api and worker, with nothing in them. */
async function startService() {
  const dataDir = await mkdtemp(join(tmpdir(), "feature-maps-pictures-"));
  const child = spawn(process.execPath, [join(root, "dist", "services", "stack", "main.js")], {
    env: { ...process.env, PORT: "0", HOST: "127.0.0.1", DATA_DIR: dataDir, LOG_LEVEL: "warn" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(child, "exit");
  const url = await new Promise((resolve, reject) => {
    createInterface({ input: child.stdout }).on("line", (line) => {
      const at = /^listening on (\S+)$/.exec(line)?.[1];
      if (at) resolve(at);
    });
    void ended.then(([code]) => reject(new Error(`the service ended with ${code}`)));
  });
  const stop = async () => {
    child.kill("SIGTERM");
    await ended.catch(() => undefined);
    await rm(dataDir, { recursive: true, force: true });
  };
  return { url, stop };
}

async function take(browser, { url, made, page, look }) {
  const context = await browser.newContext({
    viewport: { width: look.width, height: look.height },
    colorScheme: look.scheme,
    reducedMotion: "reduce",
  });
  const tab = await context.newPage();
  await tab.goto(`${url}${page.path(made)}`);
  await tab.getByText(page.says).first().waitFor();
  await page.act?.(tab);
  await tab.waitForLoadState("networkidle", { timeout: 3000 }).catch(() => undefined);
  const png = await sharp(await tab.screenshot())
    .resize({ width: look.shown })
    .png({ palette: true, colours: 32, dither: 0, effort: 10 })
    .toBuffer();
  await writeFile(join(folder, `${page.name}-${look.name}.png`), png);
  await context.close();
}

const wanted = process.argv.slice(2);
const chosen = pages.filter(({ name }) => wanted.length === 0 || wanted.includes(name));
await mkdir(folder, { recursive: true });
const service = await startService();
const browser = await chromium.launch({ executablePath: findChromium(), args: ["--no-sandbox", "--disable-gpu"] });
try {
  const made = await fill(service.url);
  for (const page of chosen)
    for (const look of looks.filter(({ name }) => page.looks?.includes(name) ?? true))
      await take(browser, { url: service.url, made, page, look });
} finally {
  await browser.close();
  await service.stop();
}
const sizes = await Promise.all((await readdir(folder)).map(async (name) => (await stat(join(folder, name))).size));
const bytes = sizes.reduce((sum, size) => sum + size, 0);
console.log(`${sizes.length} pictures, ${Math.round(bytes / 1000)} kB`);
if (bytes > mostBytes) {
  console.error(`That is more than ${mostBytes / 1000} kB: show less in them, or smaller.`);
  process.exitCode = 1;
}
