/** By mouse alone, on a service that knows nothing yet: from a folder of pictures to a trained model. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findBrowser, startBrowser, warnWithoutBrowser } from "../../support/browser.ts";
import {
  dropFiles,
  openDashboard,
  openFolds,
  patient,
  unhurried,
  violationsOf,
  whole,
  type Opened,
} from "../../support/dashboard.ts";
import { startStack, type Stack } from "../../support/stack.ts";

const classes = ["bars", "checks", "a class with quite a long name"];
const perClass = 25;
/** Of each class a fifth is kept for the test. */
const toLearn = 20;

/** Some 9 columns × 7 rows, grey; of two sizes, as pictures that people have. */
function picture(kind: number, number: number): Promise<Buffer> {
  const [width, height] = [9, 7 - (number % 2)];
  const pixels = Uint8Array.from({ length: width * height }, (_, at) => {
    const [x, y] = [(at % width) + number, Math.floor(at / width)];
    const isOn = [x % 4 < 2, (Math.floor(x / 2) + Math.floor(y / 2)) % 2 === 0, y % 4 < 2][kind];
    return (isOn ? 190 : 20) + ((at * 31 + number * 17) % 40);
  });
  return sharp(pixels, { raw: { width, height, channels: 1 } })
    .toColourspace("b-w")
    .png()
    .toBuffer();
}

async function makeFolder(): Promise<string> {
  const folder = join(await mkdtemp(join(tmpdir(), "feature-maps-drop-")), "shapes");
  for (const [kind, name] of classes.entries()) {
    await mkdir(join(folder, name), { recursive: true });
    await writeFile(join(folder, name, ".DS_Store"), "no picture");
    for (let number = 0; number < perClass; number++)
      await writeFile(join(folder, name, `${number}.png`), await picture(kind, number));
  }
  return folder;
}

warnWithoutBrowser("the way from a folder to a model");
describe.skipIf(findBrowser() === null)("from a folder to a model", unhurried, () => {
  let stack: Stack;
  let browser: Browser;
  let folder: string;
  let opened: Opened;
  let page: Page;
  beforeAll(async () => {
    [stack, browser, folder] = await Promise.all([startStack(), startBrowser(), makeFolder()]);
    opened = await openDashboard(browser, stack.api.url);
    page = opened.page;
  });
  afterAll(async () => {
    await browser.close();
    await stack.stop();
    await rm(join(folder, ".."), { recursive: true });
  });

  it("takes a folder that is dropped anywhere", async () => {
    await page.goto(stack.api.url);
    await whole(page, /Nothing is learning/);
    await dropFiles(page, [folder]);
    await page.getByRole("heading", { level: 1, name: "shapes" }).waitFor();
    await page.waitForURL(/\/datasets\/ds_/);
    await whole(page, /What is in it/);
    for (const name of classes) await expect.poll(() => page.getByRole("link", { name }).count(), patient).toBe(1);
    await page.getByRole("img", { name: `${3 * toLearn} samples of all classes` }).waitFor();
  });

  it("shows the samples of one class, and what distortions make of them", async () => {
    await page.getByRole("link", { name: "checks" }).click();
    await page.waitForURL(/label=\d/);
    await page.getByRole("img", { name: `${toLearn} samples of class checks` }).waitFor();
    const sheet = page.getByRole("img", { name: /distorted copies/ });
    const before = await sheet.getAttribute("src");
    await page.getByLabel(/^Rotate/).fill("30");
    await expect.poll(() => sheet.getAttribute("src"), patient).toContain("rotate=30");
    expect(await sheet.getAttribute("src")).not.toBe(before);
    expect(await violationsOf(page)).toEqual([]);
  });

  it("says what a training would be, and starts it at one button", async () => {
    await page.getByRole("link", { name: "Train on it" }).click();
    await page.getByRole("heading", { level: 1, name: "New training" }).waitFor();
    await page.getByText(`${3 * toLearn} samples to learn from`).waitFor();
    await whole(page, /FLOPs a sample/);
    await page.getByRole("radio", { name: /Your own layers/ }).check();
    await page.getByLabel("Kind of layer 0").waitFor();
    await page.getByRole("button", { name: "Start the training" }).click();
    await page.waitForURL(/\/jobs\/job_/);
    await page.getByRole("link", { name: "Open the model" }).waitFor();
    await page.getByText("What came of it").waitFor();
    await page.getByRole("group", { name: /^Loss by epoch/ }).waitFor();
    // A dry run that is refused while one writes is no trouble; the browser tells of it all the same.
    expect(opened.trouble.filter((each) => !/status of 4\d\d/.test(each))).toEqual([]);
  });

  it("changes what was and runs it again", async () => {
    await page.getByRole("link", { name: "Again, changed" }).click();
    await page.waitForURL(/request=/);
    await whole(page, /How long/);
    await openFolds(page, "How long");
    await page.getByLabel("epochs", { exact: true }).fill("3");
    await page.getByLabel("epochs", { exact: true }).press("Tab");
    await expect.poll(() => decodeURIComponent(page.url()), patient).toContain('"epochs":3');
    await page.reload();
    await whole(page, /How long/);
    await openFolds(page, "How long");
    await expect.poll(() => page.getByLabel("epochs", { exact: true }).inputValue(), patient).toBe("3");
    await page.getByRole("button", { name: "Start the training" }).click();
    await page.waitForURL(/\/jobs\/job_/);
    await page.getByText("3 epochs").waitFor();
    // A dry run that is refused while one writes is no trouble; the browser tells of it all the same.
    expect(opened.trouble.filter((each) => !/status of 4\d\d/.test(each))).toEqual([]);
  });

  it("says file by file why a folder is refused, and what to do", async () => {
    const bad = join(folder, "..", "bad");
    await mkdir(join(bad, "cats"), { recursive: true });
    await writeFile(join(bad, "cats", "no.png"), "this is no picture");
    await page.goto(`${stack.api.url}/datasets`);
    await whole(page, /datasets/);
    await dropFiles(page, [bad]);
    await whole(page, /Why it was refused/);
    await page.getByRole("cell", { name: "bad/cats/no.png", exact: true }).waitFor();
    expect(await violationsOf(page)).toEqual([]);
  });

  it("tells what pictures without folders lack, and sends again what broke off", async () => {
    await dropFiles(page, [join(folder, "bars", "1.png")]);
    await page.getByText("put those of each class into a folder of its own").waitFor();
    await page.getByRole("button", { name: "Dismiss" }).click();
    let isBroken = true;
    await page.route("**/v1/datasets", (route) =>
      route.request().method() === "POST" && isBroken ? route.abort("connectionreset") : route.continue(),
    );
    await dropFiles(page, [folder]);
    await page.getByText("shapes was not taken").waitFor();
    isBroken = false;
    await page.getByRole("button", { name: "Try again" }).click();
    await page.getByRole("heading", { level: 1, name: "shapes" }).waitFor();
    await expect.poll(() => page.getByText("was not taken").count(), patient).toBe(0);
  });
});
