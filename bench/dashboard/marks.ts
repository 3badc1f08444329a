/** One function a mark of the dashboard: each opens what it measures, in a tab of its own. */
import { setTimeout as pause } from "node:timers/promises";
import type { Browser, BrowserContext, CDPSession, Page } from "../../tests/support/browser.ts";
import { median } from "../report.ts";
import { endJob, makeJob, startFeed, writeSteps, type Fed } from "./feed.ts";
import { watchPage, type Watch } from "./in-page.ts";
import type { Measured } from "./report.ts";
import type { Looked } from "./service.ts";
import { trace } from "./trace.ts";

export interface Measuring {
  browser: Browser;
  looked: Looked;
  /** Of the tab that is left open. */
  minutes: number;
  /** Seconds of a recording. */
  seconds: number;
}

interface Tab {
  context: BrowserContext;
  page: Page;
  session: CDPSession;
}

const longestTaskMs = 50;
const waitMs = 120_000;

async function openTab({ browser }: Measuring): Promise<Tab> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  context.setDefaultTimeout(waitMs);
  await context.addInitScript(watchPage);
  const page = await context.newPage();
  return { context, page, session: await context.newCDPSession(page) };
}

const watchOf = (page: Page): Promise<Watch> => page.evaluate(() => (globalThis as unknown as { watch: Watch }).watch);

const share = (values: readonly number[], part: number): number =>
  values.toSorted((one, other) => one - other)[Math.min(values.length - 1, Math.floor(part * values.length))] ?? 0;

/** Everything that is asked for until the first page stands, as it travels. */
export async function firstLoad(measuring: Measuring): Promise<Measured[]> {
  const { context, page, session } = await openTab(measuring);
  await session.send("Network.enable");
  const bytes = { files: 0, answers: 0 };
  const answers = new Set<string>();
  session.on("Network.requestWillBeSent", ({ requestId, request }) => {
    if (new URL(request.url).pathname.startsWith("/v1/")) answers.add(requestId);
  });
  session.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => {
    bytes[answers.has(requestId) ? "answers" : "files"] += encodedDataLength;
  });
  await page.goto(measuring.looked.url);
  await page.getByRole("heading", { level: 1 }).waitFor();
  await page.waitForLoadState("load");
  await pause(1000);
  await context.close();
  return [
    { name: "First load", of: "page, scripts, sheets, with headers", value: bytes.files / 1000, unit: "kB", mark: 150 },
    { name: "First load", of: "answers of the service", value: bytes.answers / 1000, unit: "kB", mark: null },
  ];
}

/** Until the heading stands and no long task is under way. */
async function interactive(measuring: Measuring, slower: number): Promise<number> {
  const { context, page, session } = await openTab(measuring);
  if (slower > 1) await session.send("Emulation.setCPUThrottlingRate", { rate: slower });
  await page.goto(measuring.looked.url);
  await page.getByRole("heading", { level: 1 }).waitFor();
  await pause(500);
  const { shown, longTasks } = await watchOf(page);
  await context.close();
  return Math.max(shown ?? Number.POSITIVE_INFINITY, ...longTasks.map(({ start, duration }) => start + duration));
}

export async function untilInteractive(measuring: Measuring): Promise<Measured[]> {
  const of = async (slower: number): Promise<number> => {
    const all: number[] = [];
    for (let turn = 0; turn < 5; turn++) all.push(await interactive(measuring, slower));
    return median(all);
  };
  const words = "from an empty cache, median of 5";
  return [
    { name: "Interactive", of: words, value: await of(1), unit: "ms", mark: 1000 },
    { name: "Interactive, 4× slower", of: words, value: await of(4), unit: "ms", mark: 3000 },
  ];
}

/** From a movement of the pen to the answer about what is then on the board. */
export async function drawing(measuring: Measuring): Promise<Measured[]> {
  const { context, page } = await openTab(measuring);
  await page.goto(`${measuring.looked.url}/models/${measuring.looked.model}`);
  const board = page.locator(".board canvas");
  await board.waitFor();
  await page.waitForLoadState("networkidle");
  await board.scrollIntoViewIfNeeded();
  const box = await board.boundingBox();
  if (!box) throw new Error("the board is not there");
  const [moves, warm] = [60, 15];
  await page.mouse.move(box.x + box.width / 2, box.y + box.height / 4);
  await page.mouse.down();
  const took: number[] = [];
  for (let move = 0; move < moves + warm; move++) {
    const answered = page.evaluate(async () => {
      type Global = { document: { querySelector: (selector: string) => object | null }; watch: Watch };
      const { document, watch } = globalThis as unknown as Global;
      const { MutationObserver } = globalThis as unknown as {
        MutationObserver: new (call: () => void) => { observe: (of: object, how: object) => void; disconnect(): void };
      };
      const place = document.querySelector(".try-it > div:last-child");
      if (!place) throw new Error("there is no place for an answer");
      const before = watch.pointed;
      return new Promise<number | null>((resolve) => {
        const observer = new MutationObserver(() => {
          if (watch.pointed === before || watch.pointed === null) return;
          observer.disconnect();
          resolve(performance.now() - watch.pointed);
        });
        observer.observe(place, { childList: true, subtree: true, characterData: true, attributes: true });
        setTimeout(() => resolve(null), 1000);
      });
    });
    const angle = (move / moves) * 2 * Math.PI;
    await page.mouse.move(
      box.x + box.width * (0.5 + 0.3 * Math.sin(angle)),
      box.y + box.height * (0.5 - 0.25 * Math.cos(angle)),
    );
    const ms = await answered;
    if (ms !== null && move >= warm) took.push(ms);
    await pause(30);
  }
  await page.mouse.up();
  await context.close();
  return [
    { name: "Drawing to answer", of: `median of ${took.length}`, value: median(took), unit: "ms", mark: 50 },
    { name: "Drawing to answer", of: "the slowest of twenty", value: share(took, 0.95), unit: "ms", mark: null },
  ];
}

const manySteps = 100_000;

/** From the press of the button to curves on the screen. */
export async function manyRows(measuring: Measuring): Promise<Measured[]> {
  const { looked } = measuring;
  const job = await makeJob(looked, "a hundred thousand steps");
  await writeSteps(looked, job, manySteps);
  const stop = await startFeed(looked, [{ id: job, epochsPerSecond: 0, step: manySteps }]);
  await pause(500);
  await stop();
  await endJob(looked, job);
  const { context, page } = await openTab(measuring);
  const all: { drawn: number; answered: number; page: number }[] = [];
  for (let turn = 0; turn < 5; turn++) {
    await page.goto(`${looked.url}/jobs/${job}`);
    await page.getByText("No epoch has ended yet").waitFor();
    await pause(1000);
    await page.evaluate(() => performance.clearResourceTimings());
    all.push(
      await page.evaluate(async () => {
        const { document, MutationObserver, requestAnimationFrame } = globalThis as unknown as {
          document: {
            querySelectorAll: (selector: string) => Iterable<{ textContent: string; click: () => void }>;
            body: object;
          };
          MutationObserver: new (call: () => void) => {
            observe: (of: object, how: object) => void;
            disconnect(): void;
          };
          requestAnimationFrame: (call: () => void) => number;
        };
        const isThere = (): boolean => [...document.querySelectorAll(".curve canvas")].length >= 4;
        const button = [...document.querySelectorAll("button")].find(
          ({ textContent }) => textContent === "Look at the steps",
        );
        const began = performance.now();
        const drawn = await new Promise<number>((resolve) => {
          const observer = new MutationObserver(() => {
            if (!isThere()) return;
            observer.disconnect();
            requestAnimationFrame(() => setTimeout(() => resolve(performance.now())));
          });
          observer.observe(document.body, { childList: true, subtree: true });
          button?.click();
        });
        const asked = performance
          .getEntriesByType("resource")
          .filter(({ name }) => name.includes("/metrics"))
          .at(-1) as unknown as { responseEnd: number } | undefined;
        const answered = asked?.responseEnd ?? began;
        return { drawn: drawn - began, answered: answered - began, page: drawn - answered };
      }),
    );
  }
  await context.close();
  const of = (each: "drawn" | "answered" | "page"): number => median(all.map((turn) => turn[each]));
  const name = `${manySteps.toLocaleString("en")} step rows`;
  return [
    { name, of: "from the answer to curves on the screen, median of 5", value: of("page"), unit: "ms", mark: 200 },
    { name, of: "until the service had read and thinned them", value: of("answered"), unit: "ms", mark: null },
    { name, of: "from the press of the button to curves", value: of("drawn"), unit: "ms", mark: null },
  ];
}

const [manyJobs, running] = [500, 20];

/** Up and down the list by the wheel, while twenty of its jobs move. */
export async function longList(measuring: Measuring): Promise<Measured[]> {
  const { looked, browser, seconds } = measuring;
  const ids: string[] = [];
  for (let number = 0; number < manyJobs; number++)
    ids.push(await makeJob(looked, `job ${number} of a team that names its jobs`));
  const isMoving = (at: number): boolean => at % (manyJobs / running) === 0;
  for (const [at, id] of ids.entries()) if (!isMoving(at)) await endJob(looked, id);
  const fed: Fed[] = ids.filter((_, at) => isMoving(at)).map((id) => ({ id, epochsPerSecond: 1 }));
  const stop = await startFeed(looked, fed);
  const { context, page, session } = await openTab(measuring);
  await page.goto(`${looked.url}/jobs`);
  await page.locator(".job-row").first().waitFor();
  await pause(3000);
  const traced = await trace(browser, page, async () => {
    const end = performance.now() + seconds * 1000;
    for (let way = -1; performance.now() < end; way = -way)
      await session.send("Input.synthesizeScrollGesture", {
        x: 640,
        y: 500,
        yDistance: way * 6000,
        speed: 2000,
        gestureSourceType: "mouse",
      });
  });
  await context.close();
  await stop();
  for (const { id } of fed) await endJob(looked, id);
  const { shown, missed } = traced.frames;
  const name = `${manyJobs} jobs, ${running} running, scrolled`;
  return [
    { name, of: "the longest task", value: Math.max(...traced.tasks), unit: "ms", mark: longestTaskMs },
    { name, of: "the longest task by the clock", value: Math.max(...traced.wallTasks), unit: "ms", mark: null },
    { name, of: "frames shown in a second", value: shown / traced.seconds, unit: "frames", mark: 58, isLeast: true },
    { name, of: "frames missed", value: (100 * missed) / Math.max(1, shown + missed), unit: "%", mark: null },
    { name, of: "of a core", value: (100 * sumOf(traced.tasks)) / 1000 / traced.seconds, unit: "%", mark: null },
  ];
}

const sumOf = (values: readonly number[]): number => values.reduce((sum, each) => sum + each, 0);

const fastEpochs = 100;

/** The page of a job that ends a hundred epochs a second and has ended twenty thousand. */
export async function fastJob(measuring: Measuring): Promise<Measured[]> {
  const { looked, browser, seconds } = measuring;
  const job = await makeJob(looked, "a hundred epochs a second");
  await writeSteps(looked, job, 20_000);
  const stop = await startFeed(looked, [{ id: job, epochsPerSecond: fastEpochs, step: 20_000 }]);
  const { context, page } = await openTab(measuring);
  await page.goto(`${looked.url}/jobs/${job}`);
  await page.locator(".curve canvas").first().waitFor();
  await pause(3000);
  const from = await page.evaluate(() => performance.now());
  const traced = await trace(browser, page, () => pause(seconds * 1000));
  const { shifts } = await watchOf(page);
  await context.close();
  await stop();
  await endJob(looked, job);
  const moved = shifts.filter(({ at }) => at > from);
  for (const { value, what } of moved.filter((each) => each.value > 0.001))
    console.log(`moved by ${value.toFixed(4)}: ${what.join(", ")}`);
  const name = `A job with ${fastEpochs} epochs a second`;
  return [
    { name, of: "the longest task", value: Math.max(...traced.tasks), unit: "ms", mark: longestTaskMs },
    { name, of: "the longest task by the clock", value: Math.max(...traced.wallTasks), unit: "ms", mark: null },
    { name, of: "of a core", value: (100 * sumOf(traced.tasks)) / 1000 / traced.seconds, unit: "%", mark: null },
    { name, of: "moved unasked (layout shift)", value: sumOf(moved.map(({ value }) => value)), unit: "", mark: 0.01 },
  ];
}

/** Megabytes an hour: the slope of a line through the figures, the first minute left out. */
function growth(figures: readonly { seconds: number; bytes: number }[]): number {
  const settled = figures.filter(({ seconds }) => seconds >= 60);
  const mean = (of: (each: (typeof figures)[number]) => number): number => sumOf(settled.map(of)) / settled.length;
  const [x, y] = [mean(({ seconds }) => seconds), mean(({ bytes }) => bytes)];
  const above = sumOf(settled.map(({ seconds, bytes }) => (seconds - x) * (bytes - y)));
  const below = sumOf(settled.map(({ seconds }) => (seconds - x) ** 2));
  return below === 0 ? 0 : ((above / below) * 3600) / 1e6;
}

/** A tab left open on a job that runs, with what is no longer used collected before each look. */
export async function leftOpen(measuring: Measuring): Promise<Measured[]> {
  const { looked, minutes } = measuring;
  const job = await makeJob(looked, "for long");
  const stop = await startFeed(looked, [{ id: job, epochsPerSecond: 20 }]);
  const { context, page, session } = await openTab(measuring);
  await page.goto(`${looked.url}/jobs/${job}`);
  await page.locator(".curve canvas").first().waitFor();
  const figures: { seconds: number; bytes: number }[] = [];
  const began = performance.now();
  let nodes = 0;
  for (;;) {
    await session.send("HeapProfiler.collectGarbage");
    const { usedSize } = await session.send("Runtime.getHeapUsage");
    ({ nodes } = await session.send("Memory.getDOMCounters"));
    const seconds = (performance.now() - began) / 1000;
    figures.push({ seconds, bytes: usedSize });
    console.log(`${seconds.toFixed(0)} s: ${(usedSize / 1e6).toFixed(2)} MB, ${nodes} nodes`);
    if (seconds >= minutes * 60) break;
    await pause(10_000);
  }
  await context.close();
  await stop();
  await endJob(looked, job);
  const name = `Left open for ${minutes} min on a job that runs`;
  return [
    { name, of: "growth", value: growth(figures), unit: "MB/h", mark: 20 },
    { name, of: "heap at the end", value: (figures.at(-1)?.bytes ?? 0) / 1e6, unit: "MB", mark: null },
    { name, of: "nodes at the end", value: nodes, unit: "", mark: null },
  ];
}
