/** Pages 5 and 6: a model to try and question, and every number of it traced to what made it. */
import type { Browser, Route } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { JobRequest } from "../../../client/index.ts";
import { findBrowser, startBrowser, warnWithoutBrowser } from "../../support/browser.ts";
import { looks, openDashboard, patient, unhurried, violationsOf, whole, type Opened } from "../../support/dashboard.ts";
import { png } from "../../support/dataset-files.ts";
import type { Stack } from "../../support/stack.ts";
import { startStackWithStrokes, strokesForm, strokesJob, strokesNetwork } from "../../support/strokes.ts";

warnWithoutBrowser("the dashboard's pages of models");
describe.skipIf(findBrowser() === null)("models", unhurried, () => {
  let stack: Stack;
  let browser: Browser;
  let model = "";
  /** One with a block whose x goes past as it is, and one whose x is projected. */
  let blocks = "";
  /** One whose classes are called as people call folders. */
  let named = "";
  beforeAll(async () => {
    [stack, browser] = await Promise.all([startStackWithStrokes(), startBrowser()]);
    const onceSeen = { ...strokesJob, network: { layers: [...strokesNetwork.layers] }, epochs: 1 };
    const { id } = await stack.client.jobs.create({ ...onceSeen, name: "strokes, seen once" });
    model = (await stack.ended(id)).model as string;
    const inside = { kind: "convolution" as const, size: 3, padding: 1, activation: "tanh" as const };
    const layers: Extract<JobRequest["network"], object>["layers"] = [
      { ...inside, maps: 3 },
      { kind: "residual", activation: "relu", layers: [{ ...inside, maps: 3 }] },
      { kind: "residual", layers: [{ ...inside, maps: 4, stride: 2 }] },
      { kind: "dense", units: 3, activation: "softmax" },
    ];
    const made = await stack.client.jobs.create({ ...strokesJob, network: { layers }, epochs: 1, name: "blocks" });
    blocks = (await stack.ended(made.id)).model as string;
    const classes = ["bars and <b>beams</b>", "dashes", "dots, and all that is as small as a dot, or smaller"];
    const body = strokesForm({ fields: { name: "long names", alias: "long-names", classes: JSON.stringify(classes) } });
    const sent = await fetch(`${stack.api.url}/v1/datasets`, { method: "POST", body });
    await stack.client.datasets.wait(((await sent.json()) as { id: string }).id);
    const last = await stack.client.jobs.create({ ...onceSeen, dataset: "long-names" });
    named = (await stack.ended(last.id)).model as string;
  });
  afterAll(async () => {
    await browser.close();
    await stack.stop();
  });

  const opened = async (path: string): Promise<Opened> => {
    const tab = await openDashboard(browser, stack.api.url);
    await tab.page.goto(`${stack.api.url}${path}`);
    return tab;
  };

  const shown = [
    { name: "all models", path: () => "/models", says: /strokes, seen once/ },
    { name: "a model", path: () => `/models/${model}`, says: /What it takes for what/ },
    { name: "the mathematics", path: () => `/models/${model}/mathematics`, says: /It answers/ },
    { name: "a model of long names", path: () => `/models/${named}`, says: /What it takes for what/ },
    { name: "the mathematics of long names", path: () => `/models/${named}/mathematics`, says: /It answers/ },
    {
      name: "the mathematics where a block begins",
      path: () => `/models/${blocks}/mathematics?layer=0`,
      says: /past the block's layers/,
    },
    { name: "no model", path: () => "/models/mdl_01ARZ3NDEKTSV4RRFFQ69G5FAV", says: /there is no model/ },
  ];
  for (const { name, path, says } of shown)
    it(`${name}, with nothing for axe to say in any look`, async () => {
      for (const look of looks) {
        const { context, page, trouble } = await openDashboard(browser, stack.api.url, look);
        await page.goto(`${stack.api.url}${path()}`);
        await whole(page, says);
        expect({ look, found: await violationsOf(page) }).toEqual({ look, found: [] });
        // A refusal that the page asked for is what it shows; the browser's console tells of it as well.
        expect(trouble.filter((each) => !/status of 4\d\d/.test(each))).toEqual([]);
        await context.close();
      }
    });

  it("answers what is drawn on the board, and forgets it when it is wiped", async () => {
    const { context, page } = await opened(`/models/${model}`);
    const board = page.getByRole("img", { name: /A board to draw on/ });
    await whole(page, /What it takes for what/);
    await board.scrollIntoViewIfNeeded();
    const box = await board.boundingBox();
    if (!box) throw new Error("the board is not there");
    const answer = page.locator(".answer");
    await page.getByText("Draw, or give it a picture.").waitFor();
    await page.mouse.move(box.x + box.width / 2, box.y + box.height * 0.1);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width / 2, box.y + box.height * 0.9, { steps: 5 });
    await page.mouse.up();
    await expect.poll(() => answer.innerText(), patient).toMatch(/^(bar|dash|dot) [\d.]+ %$/);
    await page
      .getByRole("img", { name: /^Maps of layer/ })
      .first()
      .waitFor();
    await page.getByRole("button", { name: "Wipe" }).click();
    await expect.poll(() => answer.innerText(), patient).toBe("Draw, or give it a picture.");
    await context.close();
  });

  it("says once what is wrong with a broken picture, and asks nothing more about it", async () => {
    const { context, page } = await opened(`/models/${model}`);
    await whole(page, /What it takes for what/);
    const asked: string[] = [];
    page.on("request", (request) => void (request.method() === "POST" && asked.push(new URL(request.url()).pathname)));
    const choose = (name: string, buffer: Buffer): Promise<void> =>
      page.getByLabel("Choose a picture").setInputFiles({ name, mimeType: "image/png", buffer });
    const maps = page.getByRole("img", { name: /^Maps of layer/ });
    const picture = await png({ width: 31, height: 17 });
    await choose("whole.png", picture);
    await expect.poll(() => page.locator(".layer-sheet img").count(), patient).toBe(1 + strokesNetwork.layers.length);
    const before = asked.length;
    await choose("broken.png", picture.subarray(0, 70));
    await page.getByText(/found a PNG that cannot be read: it breaks off after 70 bytes/).waitFor();
    // Layers are asked a moment after the picture was given.
    await page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 500)));
    expect([await page.getByRole("alert").count(), await maps.count()]).toEqual([1, 0]);
    expect(asked.slice(before)).toEqual([`/v1/models/${model}/predictions`]);
    await choose("whole.png", picture);
    await maps.first().waitFor();
    expect(await page.getByRole("alert").count()).toBe(0);
    await context.close();
  });

  it("says once what every layer refuses alike", async () => {
    const { context, page } = await opened(`/models/${model}`);
    await whole(page, /What it takes for what/);
    const body = { code: "invalid-data", title: "Invalid data", status: 422, detail: "no layer likes it", errors: [] };
    await page.route(/\/(feature-maps|saliency)/, (route) =>
      route.fulfill({ status: 422, contentType: "application/problem+json", body: JSON.stringify(body) }),
    );
    await page
      .getByLabel("Choose a picture")
      .setInputFiles({ name: "whole.png", mimeType: "image/png", buffer: await png({ width: 31, height: 17 }) });
    await page.getByText("no layer likes it").waitFor();
    const answered = (): Promise<number> => page.locator(".layer-sheet").count();
    await expect.poll(answered, patient).toBeGreaterThan(2);
    expect(await page.getByText("no layer likes it").count()).toBe(1);
    await context.close();
  });

  it("opens the samples behind a number of the confusion matrix", async () => {
    const { context, page } = await opened(`/models/${model}`);
    await whole(page, /What it takes for what/);
    const cell = page.getByRole("group", { name: "Confusion matrix" }).getByRole("button").first();
    const said = (await cell.getAttribute("aria-label")) ?? "";
    await cell.click();
    await page.getByRole("heading", { name: said }).waitFor();
    const pictures = page.locator(".cell-samples img");
    await expect.poll(() => pictures.count(), patient).toBe(Math.min(48, Number.parseInt(said, 10)));
    await page.waitForURL(/true=\d&predicted=\d/);
    await page.reload();
    await page.getByRole("heading", { name: said }).waitFor();
    await whole(page, /What it takes for what/);
    await page.locator(".cell-samples a").first().click();
    await page.waitForURL(/\/mathematics\?split=test&sample=\d+/);
    await context.close();
  });

  it("traces a pixel into a residual block, and down where δ splits", async () => {
    const { context, page } = await opened(`/models/${blocks}/mathematics?layer=1`);
    await whole(page, /It answers/);
    const ways = page.locator(".one-number > section");
    await expect.poll(() => ways.first().locator(".way-of-sum").count(), patient).toBe(2);
    /** What the page computed of the number on each way, and what the engine has. */
    const agree = async (sections: number): Promise<void> => {
      await expect.poll(() => ways.locator(".outcome").count(), patient).toBe(sections);
      for (const way of await ways.all()) {
        const [computed, recorded] = (await way.locator(".outcome dd").allInnerTexts()).slice(-2).map(Number);
        expect(Math.abs((computed ?? Number.NaN) - (recorded ?? Number.NaN))).toBeLessThan(1e-4);
      }
    };
    await agree(2);
    await page.getByRole("heading", { name: "through the block's layers, F(x): from 1.0 convolution 3×3" }).waitFor();
    await page.getByRole("heading", { name: "past the block's layers: from 0 convolution 3×3" }).waitFor();
    // The δ of the first block goes on through the second, and by its projection.
    await page
      .getByRole("heading", { name: /past the block's layers, by a 1×1 convolution: from 2 residual/ })
      .waitFor();
    await ways.first().locator("button.map").first().click();
    await page.waitForURL(/layer=1&.*inner=0|inner=0&.*layer=1/);
    await page.getByRole("heading", { name: /Layer 1\.0: convolution 3×3/ }).waitFor();
    await whole(page, /It answers/);
    await agree(2);
    await page.getByRole("link", { name: /^0 convolution/ }).click();
    await page.getByRole("heading", { name: "Layer 0: convolution 3×3" }).waitFor();
    await expect.poll(() => ways.last().locator(".way-of-sum").count(), patient).toBe(2);
    await agree(2);
    await context.close();
  });

  it("traces a pixel up to the sum that made it and down to where its δ came from", async () => {
    const { context, page } = await opened(`/models/${model}/mathematics?layer=0&map=0&row=0&column=0`);
    await whole(page, /It answers/);
    const map = page.locator("button.map").first();
    await map.press("ArrowDown");
    await map.press("ArrowRight");
    await page.getByRole("heading", { name: "One number: map 0, row 1, column 1" }).waitFor();
    await page.waitForURL(/row=1&column=1/);
    const ways = page.locator(".one-number > section");
    await expect.poll(() => ways.count(), patient).toBe(2);
    for (const way of await ways.all()) {
      // The last two lines: what the sum comes to, and what the engine has.
      const [computed, recorded] = (await way.locator(".outcome dd").allInnerTexts()).slice(-2).map(Number);
      expect(Math.abs((computed ?? Number.NaN) - (recorded ?? Number.NaN))).toBeLessThan(1e-4);
    }
    await ways.first().locator("button.map").first().click();
    await page.waitForURL(/layer=-1/);
    await context.close();
  });

  it("checks the gradients of this very network at a button", async () => {
    const { context, page } = await opened(`/models/${model}/mathematics`);
    await whole(page, /It answers/);
    await page.getByRole("button", { name: "Check the gradients" }).click();
    const panel = page.getByRole("region", { name: "Is it right?" });
    const agree = /They agree: the largest relative difference is/;
    await expect.poll(() => panel.innerText(), patient).toMatch(agree);
    // Bias and weights of the layers that have some.
    expect(await page.getByRole("cell", { name: /^\d (convolution|dense)$/ }).count()).toBeGreaterThanOrEqual(4);
    await context.close();
  });

  it("shows nothing below what is still coming, so that no button moves from under a hand", async () => {
    const tab = await openDashboard(browser, stack.api.url);
    const late: Route[] = [];
    await tab.page.route(/\/sensitivities/, (route) => void late.push(route));
    await tab.page.goto(`${stack.api.url}/models/${model}/mathematics`);
    await tab.page.getByText("Going forward and backward").waitFor();
    const button = tab.page.getByRole("button", { name: "Check the gradients" });
    await expect.poll(() => late.length, patient).toBe(1);
    expect(await button.isVisible()).toBe(false);
    await late[0].continue();
    await button.waitFor();
    expect(await tab.page.locator("main .waiting").count()).toBe(0);
    await tab.context.close();
  });
});
