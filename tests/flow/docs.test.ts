/** GET /docs in a real browser: whole under its own policy, teaching, and silent towards every other host. */
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestApp, type TestApp } from "../support/app.ts";
import { findBrowser, startBrowser, warnWithoutBrowser } from "../support/browser.ts";

let test: TestApp;
let url: string;
beforeAll(async () => {
  test = await startTestApp();
  url = await test.app.listen({ host: "127.0.0.1", port: 0 });
});
afterAll(() => test.stop());

warnWithoutBrowser("the page of the interface");
describe.skipIf(findBrowser() === null)("/docs", () => {
  let browser: Browser;
  let page: Page;
  const asked: string[] = [];
  const trouble: string[] = [];
  beforeAll(async () => {
    browser = await startBrowser();
    page = await browser.newPage({ viewport: { width: 1400, height: 900 } });
    page.on("request", (request) => asked.push(request.url()));
    page.on("websocket", (socket) => asked.push(socket.url()));
    page.on("pageerror", (error) => trouble.push(String(error)));
    page.on("console", (message) => void (message.type() === "error" && trouble.push(message.text())));
    await page.goto(`${url}/docs`);
    await page.getByRole("heading", { name: "feature-maps" }).first().waitFor();
  });
  afterAll(() => browser.close());

  it("shows the interface under our own title, and no mark of its viewer", async () => {
    expect(await page.title()).toMatch(/feature-maps/);
    await expect.poll(() => page.getByText("/v1/jobs").count()).toBeGreaterThan(0);
    const text = await page.locator("body").innerText();
    expect(text).not.toMatch(/scalar|swagger|ask ai/i);
  });

  it("sends a request from the page", async () => {
    await page.goto(`${url}/docs#tag/process/GET/health/live`);
    await page.getByRole("button", { name: /test request.*health\/live/i }).click();
    await page.getByRole("button", { name: /^send/i }).first().click();
    await expect.poll(() => asked).toContain(`${url}/health/live`);
  });

  it("asks no other host for anything, and breaks no rule of its policy", async () => {
    await page.waitForLoadState("networkidle");
    expect(asked.filter((each) => !each.startsWith(`${url}/`) && !/^(data|blob):/.test(each))).toEqual([]);
    expect(asked).toContain(`${url}/openapi.json`);
    expect(trouble).toEqual([]);
  });
});
