/** What a team needs: hundreds of jobs in a list of which only what is seen is in the page, and a key where one is asked for. */
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { datasetRecord, startTestApp, type TestApp } from "../../support/app.ts";
import { findBrowser, startBrowser, warnWithoutBrowser } from "../../support/browser.ts";
import { looks, openDashboard, unhurried, violationsOf } from "../../support/dashboard.ts";
import { makeJob } from "../../support/made-records.ts";

const many = 500;

warnWithoutBrowser("long lists and keys of the dashboard");
describe.skipIf(findBrowser() === null)("a team's dashboard", unhurried, () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await startBrowser();
  });
  afterAll(() => browser.close());

  async function serving(environment: Record<string, string> = {}): Promise<{ test: TestApp; url: string }> {
    const test = await startTestApp(environment);
    return { test, url: await test.app.listen({ host: "127.0.0.1", port: 0 }) };
  }

  it(`lists ${many} jobs, finds one by text, and keeps few of them in the page`, async () => {
    const { test, url } = await serving();
    const { records } = test.dependencies;
    const dataset = datasetRecord();
    await records.datasets.create(dataset);
    for (let number = 0; number < many; number++)
      await makeJob(records, { name: `job number ${number}`, dataset: dataset.id });
    const { context, page, trouble } = await openDashboard(browser, url);
    await page.goto(`${url}/jobs`);
    await page.getByText(`${many} jobs`).waitFor();
    const rows = page.locator(".job-row");
    expect(await rows.count()).toBeLessThan(60);
    await page.mouse.wheel(0, 1_000_000);
    await page.getByRole("link", { name: "job number 0", exact: true }).waitFor();
    expect(await rows.count()).toBeLessThan(60);
    await page.getByLabel("Text").fill("number 42");
    await page.getByText("15 jobs").waitFor();
    await page.waitForURL(/text=number\+42/);
    await page.getByLabel("Status").selectOption("running");
    await page.getByText("No job is like that").waitFor();
    await page.goBack();
    expect(trouble).toEqual([]);
    await context.close();
    await test.stop();
  });

  it("asks for a key where the service wants one, and goes on where it was", async () => {
    const key = `fm_${"k".repeat(40)}`;
    const { test, url } = await serving({ AUTH: "keys", ADMIN_KEY: key });
    await test.dependencies.records.keys.putAdmin(key);
    for (const look of looks) {
      const { context, page } = await openDashboard(browser, url, look);
      await page.goto(`${url}/datasets`);
      await page.getByRole("heading", { name: "A key, please" }).waitFor();
      expect(await violationsOf(page)).toEqual([]);
      await page.getByLabel("Key").fill(`fm_${"x".repeat(40)}`);
      await page.getByRole("button", { name: "Come in" }).click();
      await page.locator(".key-form [role=alert]:not(:empty)").waitFor();
      await page.getByLabel("Key").fill(key);
      await page.getByRole("button", { name: "Come in" }).click();
      await page.getByRole("heading", { name: "Datasets", level: 1 }).waitFor();
      await page.reload();
      await page.getByRole("heading", { name: "Datasets", level: 1 }).waitFor();
      await context.close();
    }
    await test.stop();
  });
});
