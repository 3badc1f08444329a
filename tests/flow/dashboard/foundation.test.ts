/** The dashboard is served whole, small and strict, and stands on an empty installation in every look. */
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestApp, type TestApp } from "../../support/app.ts";
import { findBrowser, startBrowser, warnWithoutBrowser } from "../../support/browser.ts";
import { looks, openDashboard, patient, unhurried, violationsOf, whole } from "../../support/dashboard.ts";

const mostFirstLoadBytes = 150_000;

let test: TestApp;
let url: string;
beforeAll(async () => {
  test = await startTestApp();
  url = await test.app.listen({ host: "127.0.0.1", port: 0 });
});
afterAll(() => test.stop());

const asBrowser = { accept: "text/html,application/xhtml+xml,*/*;q=0.8" };
const page = () => test.app.inject({ url: "/", headers: asBrowser });

it("is a page for browsers and a list of entry points for others", async () => {
  const html = await page();
  expect([html.statusCode, html.headers["content-type"]]).toEqual([200, "text/html; charset=utf-8"]);
  expect(html.headers["vary"]).toContain("Accept");
  const list = await test.app.inject("/");
  expect([list.statusCode, list.json()]).toMatchObject([200, { urls: { jobs: "/v1/jobs", documentation: "/docs" } }]);
});

it("allows nothing that stands inside the page, and nothing of another host", async () => {
  const { headers, body } = await page();
  const policy = String(headers["content-security-policy"]);
  expect(policy).toContain("default-src 'none'");
  expect(policy).not.toMatch(/unsafe|\*|https?:/);
  expect(body).not.toMatch(/<script(?![^>]* src=)|<style|\son[a-z]+=|\sstyle=/);
});

it("is the same page below every place of its own, and a problem for programs", async () => {
  for (const path of [
    "/datasets",
    "/jobs/new",
    "/jobs/job_1?series=step",
    "/models/a/mathematics",
    "/sweeps",
    "/system",
  ]) {
    expect((await test.app.inject({ url: path, headers: asBrowser })).body).toBe((await page()).body);
    expect((await test.app.inject(path)).json()).toMatchObject({ status: 404, code: "not-found" });
  }
});

it("says where nothing is that nothing is there: a page to browsers, a problem to programs", async () => {
  for (const path of ["/compare", "/training?x=1", "/mathematics", "/v1/nothing"]) {
    const html = await test.app.inject({ url: path, headers: asBrowser });
    expect([path, html.statusCode, html.headers["content-type"]]).toEqual([path, 404, "text/html; charset=utf-8"]);
    expect(html.body).toBe((await page()).body);
    expect(html.headers["content-security-policy"]).toBe((await page()).headers["content-security-policy"]);
    for (const other of [{ url: path }, { url: path, method: "POST" as const, headers: asBrowser }]) {
      const problem = await test.app.inject(other);
      expect([problem.statusCode, problem.headers["content-type"], problem.json()]).toMatchObject([
        404,
        "application/problem+json",
        { code: "not-found" },
      ]);
    }
  }
});

it("has files that are kept for ever, compressed, and fit a first load", async () => {
  const { body } = await page();
  const paths = [...body.matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)].map(([, path]) => path);
  expect(paths.length).toBeGreaterThanOrEqual(3);
  let bytes = body.length;
  for (const path of paths) {
    const answer = await test.app.inject({ url: path, headers: { "accept-encoding": "gzip" } });
    expect([path, answer.statusCode, answer.headers["cache-control"]]).toEqual([
      path,
      200,
      "public, max-age=31536000, immutable",
    ]);
    bytes += answer.rawPayload.length;
    if (/\.(js|css)$/.test(path))
      expect(gunzipSync(answer.rawPayload).length).toBeGreaterThan(answer.rawPayload.length);
  }
  expect(bytes).toBeLessThan(mostFirstLoadBytes);
});

it("carries no zod: of engine and schemas a page has what it reckons with", () => {
  const folder = fileURLToPath(new URL("../../../dist/web/dashboard/assets/", import.meta.url));
  const scripts = readdirSync(folder).filter((name) => name.endsWith(".js"));
  expect(scripts.length).toBeGreaterThan(10);
  expect(scripts.filter((name) => /ZodError|_zod\b/.test(readFileSync(join(folder, name), "utf8")))).toEqual([]);
});

it("answers a problem for a file that is not there", async () => {
  const answer = await test.app.inject("/assets/none-00000000.js");
  expect([answer.statusCode, answer.json()]).toMatchObject([404, { code: "not-found" }]);
});

warnWithoutBrowser("the dashboard");
describe.skipIf(findBrowser() === null)("in a browser", unhurried, () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await startBrowser();
  });
  afterAll(() => browser.close());

  for (const look of looks)
    it(`begins, ${look.scheme} and ${look.width} wide, with nothing for axe to say`, async () => {
      const { context, page: tab, trouble } = await openDashboard(browser, url, look);
      await tab.goto(url);
      await tab.getByRole("heading", { name: "Teach a network to see" }).waitFor();
      await whole(tab, /Nothing is learning/);
      expect(await violationsOf(tab)).toEqual([]);
      expect(trouble).toEqual([]);
      await context.close();
    });

  for (const look of looks)
    it(`says what is not there, ${look.scheme} and ${look.width} wide, and leads to what is`, async () => {
      const { context, page: tab } = await openDashboard(browser, url, look);
      await tab.goto(`${url}/compare`);
      await tab.getByText("There is nothing at /compare").waitFor();
      expect(await violationsOf(tab)).toEqual([]);
      const meant = tab.getByRole("region", { name: "Perhaps you meant" });
      await meant.getByRole("link", { name: "Several jobs laid over each other" }).click();
      await tab.waitForURL(`${url}/jobs/compare`);
      await context.close();
    });

  it("goes from page to page by links and back, and says which page it is", async () => {
    const { context, page: tab } = await openDashboard(browser, url);
    await tab.goto(`${url}/nowhere-in-particular`).catch(() => undefined);
    await tab.goto(`${url}/jobs/none/such/place`);
    await tab.getByRole("heading", { name: "No such page" }).waitFor();
    await tab.getByRole("navigation", { name: "Pages" }).getByRole("link", { name: "Home", exact: true }).click();
    await tab.getByRole("heading", { level: 1, name: "Teach a network to see" }).waitFor();
    await expect.poll(() => tab.title(), patient).toBe("Teach a network to see · feature-maps");
    await tab.goBack();
    await tab.getByRole("heading", { name: "No such page" }).waitFor();
    await context.close();
  });
});
