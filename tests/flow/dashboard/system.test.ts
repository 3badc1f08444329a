/** Page 8: who works and what waits; with keys on, keys and projects. */
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findBrowser, startBrowser, warnWithoutBrowser } from "../../support/browser.ts";
import { looks, openDashboard, patient, unhurried, violationsOf, whole } from "../../support/dashboard.ts";
import { startStack, type Stack } from "../../support/stack.ts";

const adminKey = `fm_${"a1".repeat(20)}`;

warnWithoutBrowser("the dashboard's page of the system");
describe.skipIf(findBrowser() === null)("system", unhurried, () => {
  let stack: Stack;
  let browser: Browser;
  beforeAll(async () => {
    const environment = { AUTH: "keys", ADMIN_KEY: adminKey };
    [stack, browser] = await Promise.all([startStack({ environment }), startBrowser()]);
  });
  afterAll(async () => {
    await browser.close();
    await stack.stop();
  });

  async function comeIn(page: Page, key: string): Promise<void> {
    await page.goto(`${stack.api.url}/system`);
    await page.getByLabel("Key").fill(key);
    await page.getByRole("button", { name: "Come in" }).click();
    await whole(page, /Who you are/);
  }

  it("shows workers and access in every look, with nothing for axe to say", async () => {
    for (const look of looks) {
      const { context, page, trouble } = await openDashboard(browser, stack.api.url, look);
      await comeIn(page, adminKey);
      await page.getByText("0 of 1 slots busy").waitFor();
      await page.getByRole("heading", { name: "Projects" }).waitFor();
      await page.getByRole("button", { name: "Change default and its limits" }).click();
      expect({ look, found: await violationsOf(page) }).toEqual({ look, found: [] });
      expect(trouble.filter((each) => !/status of 401/.test(each))).toEqual([]);
      await context.close();
    }
  });

  it("makes a key that is shown once and works until it is revoked", async () => {
    const { context, page } = await openDashboard(browser, stack.api.url);
    await comeIn(page, adminKey);
    await page.getByLabel("Name of a new key").fill("for reading");
    await page.getByLabel("It may").selectOption("read");
    await page.getByRole("button", { name: "Make a key" }).click();
    await page.getByText("it is shown this once").waitFor();
    const key = await page.locator(".made-key code").innerText();
    const { status } = await stack.ask("/v1/jobs", { headers: { authorization: `Bearer ${key}` } });
    expect(status).toBe(200);
    await page.reload();
    await page.getByRole("cell", { name: "for reading" }).waitFor();
    expect(await page.getByText(key).count()).toBe(0);
    const reader = await openDashboard(browser, stack.api.url);
    await comeIn(reader.page, key);
    expect(await reader.page.getByRole("heading", { name: "Keys" }).count()).toBe(0);
    await reader.context.close();
    await page
      .getByRole("row", { name: /for reading/ })
      .getByRole("button", { name: "Revoke" })
      .first()
      .click();
    await page.getByRole("dialog").getByRole("button", { name: "Revoke" }).click();
    await page.getByRole("cell", { name: "for reading" }).waitFor({ state: "detached" });
    const refused = async (): Promise<number> =>
      (await stack.ask("/v1/jobs", { headers: { authorization: `Bearer ${key}` } })).status;
    await expect.poll(refused, patient).toBe(401);
    await context.close();
  });

  it("limits a project, and tells what is wrong with a limit at its field", async () => {
    const { context, page } = await openDashboard(browser, stack.api.url);
    await comeIn(page, adminKey);
    await page.getByLabel("Name of a new project").fill("vision");
    await page.getByRole("button", { name: "Make a project" }).click();
    await page.getByRole("button", { name: "Change vision and its limits" }).click();
    const requests = page.getByLabel("Most requests in this minute");
    await requests.fill("0");
    await page.getByRole("button", { name: "Save" }).click();
    await expect.poll(() => requests.getAttribute("aria-invalid"), patient).toBe("true");
    await requests.fill("");
    await page.getByLabel("Most jobs that wait").fill("20");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByText("0 of 20 jobs that wait").waitFor();
    await context.close();
  });

  it("signs out", async () => {
    const { context, page } = await openDashboard(browser, stack.api.url);
    await comeIn(page, adminKey);
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByRole("heading", { name: "A key, please" }).waitFor();
    await page.reload();
    await page.getByRole("heading", { name: "A key, please" }).waitFor();
    expect((await context.request.get(`${stack.api.url}/v1/jobs`)).status()).toBe(401);
    await context.close();
  });
});
