/** Pages 1 to 4 in every look and in every state that one meets, with nothing for axe to say. */
import type { Browser, Locator, Route } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findBrowser, startBrowser, warnWithoutBrowser } from "../../support/browser.ts";
import { looks, openDashboard, openFolds, patient, unhurried, violationsOf, whole } from "../../support/dashboard.ts";
import { until, type Stack } from "../../support/stack.ts";
import { endless, startStackWithStrokes, strokesJob, strokesNetwork } from "../../support/strokes.ts";

type Request = Parameters<Stack["client"]["jobs"]["create"]>[0];

const learned: Extract<Request["network"], object> = {
  layers: [
    { kind: "convolution", maps: 4, size: 3, activation: "tanh" },
    { kind: "subsampling", factor: 2, activation: "tanh" },
    { kind: "convolution", maps: 3, size: 1, activation: "tanh", inputs: { learned: {} } },
    { kind: "dense", units: 3, activation: "softmax" },
  ],
};

interface Shown {
  name: string;
  path: () => string;
  /** Text that is there once the page is whole. */
  says: RegExp;
}

warnWithoutBrowser("pages 1 to 4 of the dashboard");
describe.skipIf(findBrowser() === null)("pages", unhurried, () => {
  let stack: Stack;
  let browser: Browser;
  const made = { dataset: "", rejected: "", job: "", failed: "", running: "" };
  const post = async (request: Request): Promise<string> => (await stack.client.jobs.create(request)).id;

  beforeAll(async () => {
    [stack, browser] = await Promise.all([startStackWithStrokes(), startBrowser()]);
    made.dataset = (await stack.client.datasets.get("strokes")).id;
    const name = "a-file-whose-name-is-rather-long-and-has-no-place-to-break.csv";
    made.rejected = (
      await stack.client.datasets.upload({ file: { name, content: new Blob(["label,a,b\n1,2\n"]) } })
    ).id;
    await until(
      () => stack.client.datasets.get(made.rejected),
      ({ terminal }) => terminal,
      "the check of what is refused",
    );
    made.job = await post({
      ...strokesJob,
      network: learned,
      epochs: 4,
      checkpoints: { keepLast: 4 },
      name: "learned",
    });
    await stack.ended(made.job);
    made.failed = await post({
      ...strokesJob,
      name: "a job with a name that goes on and on, as people name things after everything that is in them",
      optimiser: { kind: "sgd", learningRate: 1000 },
      network: { layers: [{ kind: "dense", units: 3, activation: "linear" }] },
      loss: "squared-error",
      normalisation: "none",
    });
    await stack.ended(made.failed);
    const network = { layers: [...strokesNetwork.layers] };
    made.running = await post({ ...strokesJob, ...endless, network, name: "long" });
  });
  afterAll(async () => {
    await browser.close();
    await stack.stop();
  });

  const wrong = encodeURIComponent(
    JSON.stringify({ network: { layers: [{ kind: "convolution", maps: 4, size: 99 }, ...learned.layers.slice(1)] } }),
  );
  const shown: Shown[] = [
    { name: "home", path: () => "/", says: /Newest models/ },
    { name: "datasets", path: () => "/datasets", says: /rejected/ },
    { name: "a dataset", path: () => `/datasets/${made.dataset}`, says: /What is in it/ },
    { name: "a refused dataset", path: () => `/datasets/${made.rejected}`, says: /Why it was refused/ },
    { name: "jobs", path: () => "/jobs", says: /jobs/ },
    { name: "jobs of none", path: () => "/jobs?text=nothing-is-called-that", says: /No job is like that/ },
    { name: "a job", path: () => `/jobs/${made.job}?scale=log`, says: /α, the share of each input/ },
    { name: "a job by steps", path: () => `/jobs/${made.job}?series=step`, says: /Length of the gradient/ },
    { name: "a job that runs", path: () => `/jobs/${made.running}`, says: /remaining/ },
    { name: "a job that failed", path: () => `/jobs/${made.failed}`, says: /The training diverged/ },
    { name: "no job", path: () => "/jobs/job_01ARZ3NDEKTSV4RRFFQ69G5FAV", says: /there is no job/ },
    {
      name: "jobs over each other",
      path: () => `/jobs/compare?jobs=${made.job},${made.running}`,
      says: /Training loss/,
    },
    {
      name: "a new training",
      path: () => `/jobs/new?dataset=${made.dataset}&network=toolbox`,
      says: /parameters|needs/,
    },
    {
      name: "layers that do not fit",
      path: () => `/jobs/new?dataset=${made.dataset}&request=${wrong}`,
      says: /a 99×99 filter does not fit/,
    },
  ];

  for (const { name, path, says } of shown)
    it(`${name}`, async () => {
      for (const look of looks) {
        const { context, page, trouble } = await openDashboard(browser, stack.api.url, look);
        await page.goto(`${stack.api.url}${path()}`);
        await whole(page, says);
        await openFolds(page);
        expect({ look, found: await violationsOf(page) }).toEqual({ look, found: [] });
        // A refusal that the page asked for is what it shows; the browser's console tells of it as well.
        expect(trouble.filter((each) => !/status of 4\d\d/.test(each))).toEqual([]);
        await context.close();
      }
    });

  it("shows a problem at the layer that it is about", async () => {
    const { context, page } = await openDashboard(browser, stack.api.url);
    await page.goto(`${stack.api.url}/jobs/new?dataset=${made.dataset}&request=${wrong}`);
    const layer = page.locator(".layer.wrong");
    // One alone, and it is the first.
    await layer.waitFor();
    await layer.getByLabel("Kind of layer 0").waitFor();
    await expect.poll(() => layer.getByLabel("size").getAttribute("aria-invalid"), patient).toBe("true");
    await layer.getByLabel("size").fill("3");
    await layer.getByLabel("size").press("Tab");
    await page.locator(".layer.wrong").waitFor({ state: "detached" });
    await expect.poll(() => page.locator(".layer").first().innerText(), patient).toMatch(/4×5×3/);
    await context.close();
  });

  it("keeps what is being typed while a late answer comes, and gives back what stood there at Escape", async () => {
    const { context, page } = await openDashboard(browser, stack.api.url);
    const request = encodeURIComponent(JSON.stringify({ network: learned }));
    await page.goto(`${stack.api.url}/jobs/new?dataset=${made.dataset}&request=${request}`);
    await whole(page, /FLOPs a sample/);
    await openFolds(page);
    const written = (): unknown => JSON.parse(new URL(page.url()).searchParams.get("request") ?? "{}");
    const late: Route[] = [];
    await page.route(/\/v1\/jobs\?dryRun/, (route) => void late.push(route));
    /** Types while a dry run is under way, and lets its answer come before the field is left. */
    const typeBefore = async (field: Locator, text: string, answer: string): Promise<void> => {
      await expect.poll(() => late.length, patient).toBe(1);
      await field.fill(text);
      const [route] = late.splice(0);
      const response = await route.fetch();
      await route.fulfill({ response, json: { ...((await response.json()) as object), warnings: [answer] } });
      await page.getByText(answer).waitFor();
      expect(await field.inputValue()).toBe(text);
    };
    const batchSize = page.getByLabel("batch size", { exact: true });
    await batchSize.fill("7");
    await batchSize.press("Tab");
    const epochs = page.getByLabel("epochs", { exact: true });
    await typeBefore(epochs, "3", "a late answer to a number");
    await epochs.press("Tab");
    await expect.poll(written, patient).toMatchObject({ batchSize: 7, epochs: 3 });
    const name = page.getByLabel("name", { exact: true });
    await typeBefore(name, "seven by three", "a late answer to a text");
    await name.press("Tab");
    await expect.poll(written, patient).toMatchObject({ batchSize: 7, epochs: 3, name: "seven by three" });
    const metadata = page.getByLabel("metadata", { exact: true });
    await typeBefore(metadata, '{"by": ', "a late answer to JSON");
    await metadata.press("Tab");
    // What is no JSON stays to be mended, and changes nothing.
    expect(await metadata.inputValue()).toBe('{"by": ');
    expect(written()).not.toHaveProperty("metadata");
    await metadata.fill('{"by": "hand"}');
    await metadata.press("Tab");
    await expect.poll(written, patient).toMatchObject({ name: "seven by three", metadata: { by: "hand" } });
    await epochs.fill("9");
    await epochs.press("Escape");
    expect(await epochs.inputValue()).toBe("3");
    await epochs.press("Tab");
    expect(written()).toMatchObject({ batchSize: 7, epochs: 3 });
    await context.close();
  });

  it("goes on by itself after the api was killed", async () => {
    const { port } = new URL(stack.api.url);
    const { context, page } = await openDashboard(browser, stack.api.url);
    await page.goto(`${stack.api.url}/jobs/${made.running}`);
    const epoch = async (): Promise<number> =>
      Number(/(\d+) \/ 100000/.exec(await page.locator(".live-figures").innerText())?.[1] ?? 0);
    await expect.poll(epoch, patient).toBeGreaterThan(0);
    await stack.api.end("SIGKILL");
    await page.getByText("The service cannot be reached").waitFor();
    const before = await epoch();
    await stack.startApi({ PORT: port });
    await page.getByText("The service cannot be reached").waitFor({ state: "detached" });
    await expect.poll(epoch, patient).toBeGreaterThan(before);
    await context.close();
  });
});
