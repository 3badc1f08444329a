/** GET /v1/models/{id}/exports/web in a real browser, from disk and with the network off. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Browser, Page } from "playwright-core";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestApp, type TestApp } from "../support/app.ts";
import { findBrowser, startBrowser, warnWithoutBrowser } from "../support/browser.ts";
import {
  askAbout,
  colourModel,
  greyModel,
  importModel,
  residualModel,
  type Importable,
} from "../support/imported-model.ts";

let test: TestApp;
let folder: string;
beforeAll(async () => {
  test = await startTestApp();
  folder = await mkdtemp(join(tmpdir(), "feature-maps-web-"));
});
afterAll(async () => {
  await test.stop();
  await rm(folder, { recursive: true, force: true });
});

/** A picture of the network's own size whose pixels are all different. */
function noisy({ input: { channels, height, width } }: Importable): Promise<Buffer> {
  const pixels = Uint8Array.from({ length: channels * height * width }, (_, at) => (at * 97 + 13) % 256);
  return sharp(pixels, { raw: { width, height, channels: channels === 3 ? 3 : 1 } })
    .toColourspace(channels === 3 ? "srgb" : "b-w")
    .png()
    .toBuffer();
}

async function exported(id: string): Promise<string> {
  const answer = await test.app.inject(`/v1/models/${id}/exports/web`);
  expect([answer.statusCode, answer.headers["content-type"]]).toEqual([200, "text/html; charset=utf-8"]);
  const file = join(folder, `${id}.html`);
  await writeFile(file, answer.rawPayload);
  return file;
}

it("is one file of less than 400 kB beside its weights", async () => {
  const page = await readFile(await exported(await importModel(test, greyModel)));
  expect(page.length).toBeLessThan(400_000);
  expect(page.toString()).not.toMatch(/(?:src|href)\s*=\s*"(?!data:)[^"#]/);
});

it("refuses what no picture can be", async () => {
  const two: Importable = {
    name: "two channels",
    network: { layers: [{ kind: "dense", units: 2, activation: "softmax" }] },
    input: { channels: 2, height: 3, width: 2 },
    classes: ["a", "b"],
    tensors: { "layers.0.weight": [2, 12], "layers.0.bias": [2] },
  };
  const answer = await test.app.inject(`/v1/models/${await importModel(test, two)}/exports/web`);
  expect([answer.statusCode, answer.json()]).toMatchObject([
    409,
    { detail: expect.stringMatching(/2 channels.*ONNX/) },
  ]);
});

warnWithoutBrowser("the page of a model");
describe.skipIf(findBrowser() === null)("in a browser without a network", () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await startBrowser();
  });
  afterAll(() => browser.close());

  async function open(file: string): Promise<{ page: Page; trouble: string[] }> {
    const context = await browser.newContext({ offline: true, acceptDownloads: true });
    const page = await context.newPage();
    const trouble: string[] = [];
    page.on("pageerror", (error) => trouble.push(String(error)));
    page.on("console", (message) => void (message.type() === "error" && trouble.push(message.text())));
    page.on("request", (request) => void (/^https?:/.test(request.url()) && trouble.push(request.url())));
    await page.goto(pathToFileURL(file).href);
    await page.locator("#main").waitFor({ state: "visible" });
    return { page, trouble };
  }
  const shares = (page: Page): Promise<number[]> =>
    page.locator("#bars li span:last-child").evaluateAll((cells) => cells.map((cell) => Number(cell.title)));

  it.each([greyModel, colourModel, residualModel])(
    "gives the service's probabilities to the bit: $name",
    async (model) => {
      const id = await importModel(test, model);
      const { page, trouble } = await open(await exported(id));
      expect(await page.locator("h1").textContent()).toBe(model.name);
      const picture = await noisy(model);
      await page.locator("#file").setInputFiles({ name: "noisy.png", mimeType: "image/png", buffer: picture });
      await expect.poll(() => page.locator("#answer").textContent()).toMatch(/sure/);
      expect(await shares(page)).toEqual(await askAbout(test, id, picture));
      expect(trouble).toEqual([]);
      await page.context().close();
    },
  );

  it("answers a drawing, and saves the very picture that it answered", async () => {
    const id = await importModel(test, greyModel);
    const { page, trouble } = await open(await exported(id));
    const box = await page.locator("#paper").boundingBox();
    if (!box) throw new Error("the paper has no place on the page");
    await page.mouse.move(box.x + box.width * 0.2, box.y + box.height * 0.2);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.7, box.y + box.height * 0.8, { steps: 7 });
    await page.mouse.up();
    await expect.poll(() => page.locator("#answer").textContent()).toMatch(/sure/);
    const saving = page.waitForEvent("download");
    await page.locator("#save").click();
    const saved = await readFile(await (await saving).path());
    expect(await sharp(saved).metadata()).toMatchObject({ width: 5, height: 7 });
    await expect.poll(() => shares(page)).toEqual(await askAbout(test, id, saved));
    expect(trouble).toEqual([]);
    await page.context().close();
  });

  it("says what is no picture, and goes on", async () => {
    const { page } = await open(await exported(await importModel(test, greyModel)));
    await page
      .locator("#file")
      .setInputFiles({ name: "notes.txt", mimeType: "text/plain", buffer: Buffer.from("hello") });
    await expect.poll(() => page.locator("#problem").textContent()).toMatch(/no picture/);
    await page.locator("#file").setInputFiles({
      name: "noisy.png",
      mimeType: "image/png",
      buffer: await noisy(greyModel),
    });
    await expect.poll(() => page.locator("#problem").isVisible()).toBe(false);
    await page.context().close();
  });
});
