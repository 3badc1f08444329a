/** Page 7: a sweep from its form to its best model. */
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findBrowser, startBrowser, warnWithoutBrowser } from "../../support/browser.ts";
import { looks, openDashboard, openFolds, patient, unhurried, violationsOf, whole } from "../../support/dashboard.ts";
import type { Stack } from "../../support/stack.ts";
import { startStackWithStrokes, strokesNetwork } from "../../support/strokes.ts";

const base = {
  dataset: "strokes",
  network: { layers: [...strokesNetwork.layers] },
  epochs: 2,
  batchSize: 20,
  validation: { fraction: 0.2 },
};
const space = {
  "/optimiser/learningRate": { log: [0.01, 0.3] as [number, number] },
  "/batchSize": { choices: [10, 20] },
};

warnWithoutBrowser("the dashboard's sweeps");
describe.skipIf(findBrowser() === null)("sweeps", unhurried, () => {
  let stack: Stack;
  let browser: Browser;
  let sweep = "";
  beforeAll(async () => {
    [stack, browser] = await Promise.all([startStackWithStrokes(), startBrowser()]);
    const made = await stack.client.sweeps.create({
      name: "rates and batches",
      base,
      space,
      search: { kind: "halving", trials: 5, reduction: 2 },
    });
    sweep = made.id;
    await stack.client.sweeps.wait(sweep);
  });
  afterAll(async () => {
    await browser.close();
    await stack.stop();
  });

  const written = (request: object): string =>
    `/sweeps/new?request=${encodeURIComponent(JSON.stringify({ base, search: { kind: "random", trials: 2 }, ...request }))}`;
  const shown = [
    { name: "all sweeps", path: () => "/sweeps", says: /best accuracy/ },
    { name: "a sweep", path: () => `/sweeps/${sweep}`, says: /Rung by rung/ },
    { name: "no sweep", path: () => "/sweeps/swp_01ARZ3NDEKTSV4RRFFQ69G5FAV", says: /there is no sweep/ },
    { name: "a new sweep", path: () => written({ space }), says: /epochs together/ },
    { name: "a new sweep that chooses by itself", path: () => written({ space: "auto" }), says: /epochs together/ },
  ];
  for (const { name, path, says } of shown)
    it(`${name}, with nothing for axe to say in any look`, async () => {
      for (const look of looks) {
        const { context, page, trouble } = await openDashboard(browser, stack.api.url, look);
        await page.goto(`${stack.api.url}${path()}`);
        await whole(page, says);
        await openFolds(page);
        expect({ look, found: await violationsOf(page) }).toEqual({ look, found: [] });
        expect(trouble.filter((each) => !/status of 4\d\d/.test(each))).toEqual([]);
        await context.close();
      }
    });

  it("shows that a sweep waits for its dataset, and no trials that may become others", async () => {
    const { context, page } = await openDashboard(browser, stack.api.url);
    const { dataset, ...made } = await stack.client.sweeps.get(sweep);
    const waiting = { ...made, dataset: { ...dataset, revision: null }, status: "queued", terminal: false, best: null };
    await page.route(`**/v1/sweeps/${sweep}`, (route) => route.fulfill({ json: waiting }));
    await page.goto(`${stack.api.url}/sweeps/${sweep}`);
    await whole(page, /still being made/);
    expect(await page.getByRole("link", { name: "strokes" }).getAttribute("href")).toBe(`/datasets/${dataset.id}`);
    expect(await page.getByRole("group", { name: "Trials" }).count()).toBe(0);
    expect(await violationsOf(page)).toEqual([]);
    await context.close();
  });

  it("goes through the trials by keys, and from a row to its line", async () => {
    const { context, page } = await openDashboard(browser, stack.api.url);
    await page.goto(`${stack.api.url}/sweeps/${sweep}`);
    await whole(page, /Rung by rung/);
    const drawing = page.getByRole("group", { name: /Parallel coordinates/ });
    await expect.poll(() => drawing.locator(".trial-line").count(), patient).toBe(5);
    const { best } = await stack.client.sweeps.get(sweep);
    await drawing.press("ArrowUp");
    await page.getByText(new RegExp(`^Trial ${best?.trial}, succeeded: accuracy`)).waitFor();
    await page.getByRole("group", { name: "Trials" }).getByRole("link").last().focus();
    await expect.poll(() => drawing.locator(".trial-line.chosen").count(), patient).toBe(1);
    await page.getByRole("link", { name: "Open the model" }).click();
    await page.waitForURL(new RegExp(`/models/${best?.model}`));
    await context.close();
  });

  it("tells what is wrong with a setting at its row, and starts when it is right", async () => {
    const { context, page } = await openDashboard(browser, stack.api.url);
    await page.goto(`${stack.api.url}${written({ space: { "/optimiser/pace": { uniform: [0.1, 0.2] } } })}`);
    const row = page.locator(".space-row.wrong");
    await row.waitFor();
    await expect.poll(() => row.getByLabel("Setting").getAttribute("aria-invalid"), patient).toBe("true");
    await row.getByLabel("Setting").fill("/optimiser/learningRate");
    await row.getByLabel("Setting").press("Tab");
    await page.locator(".space-row.wrong").waitFor({ state: "detached" });
    await page.getByText("epochs together").waitFor();
    await page.getByRole("button", { name: "Start the sweep" }).click();
    await page.waitForURL(/\/sweeps\/swp_/);
    await page.getByText("2 of 2").waitFor();
    await page.getByRole("link", { name: "Open the model" }).waitFor();
    await context.close();
  });

  it("begins from a job, and tells what is wrong with a layer at that layer", async () => {
    const { best } = await stack.client.sweeps.get(sweep);
    const { context, page } = await openDashboard(browser, stack.api.url);
    await page.goto(`${stack.api.url}/jobs/${best?.job}`);
    await page.getByRole("link", { name: "Search its settings" }).press("Enter");
    await page.waitForURL(/\/sweeps\/new\?request=/);
    await page.getByText("epochs together").waitFor();
    const request = JSON.parse(new URL(page.url()).searchParams.get("request") ?? "{}") as { base: object };
    expect(request.base).toMatchObject({ dataset: "strokes", epochs: 2, validation: { fraction: 0.2 } });
    const layers = [{ kind: "convolution", maps: 2, size: 99 }, ...strokesNetwork.layers.slice(1)];
    await page.goto(`${stack.api.url}${written({ base: { ...base, network: { layers } }, space })}`);
    const layer = page.locator(".layer.wrong");
    await layer.waitFor();
    await layer.getByLabel("Kind of layer 0").waitFor();
    await expect.poll(() => layer.getByLabel("size").getAttribute("aria-invalid"), patient).toBe("true");
    await layer.getByLabel("size").fill("3");
    await layer.getByLabel("size").press("Tab");
    await layer.waitFor({ state: "detached" });
    await context.close();
  });

  it("pauses, resumes and cancels a sweep that runs", async () => {
    const { id } = await stack.client.sweeps.create({
      name: "long",
      base: { ...base, epochs: 100_000 },
      space,
      search: { kind: "random", trials: 3 },
    });
    const { context, page } = await openDashboard(browser, stack.api.url);
    await page.goto(`${stack.api.url}/sweeps/${id}`);
    await page.getByRole("button", { name: "Pause" }).press("Enter");
    await page.getByRole("button", { name: "Resume" }).press("Enter");
    await page.getByRole("button", { name: "Cancel" }).first().press("Enter");
    await page.getByRole("dialog").getByRole("button", { name: "Cancel" }).press("Enter");
    await page.getByRole("button", { name: "Delete" }).first().waitFor();
    await expect.poll(async () => (await stack.client.sweeps.get(id)).status, patient).toBe("cancelled");
    await context.close();
  });
});
