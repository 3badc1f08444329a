/** What /metrics of the api and of a worker answer, and that dashboard and alarms in docker/ ask for nothing else. */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { newId } from "../../services/shared/ids.ts";
import { askedBy } from "../support/promql.ts";
import { startRefused } from "../support/refused.ts";
import { ask, startStack, until, type Answer, type Stack } from "../support/stack.ts";
import { strokesForm, strokesJob } from "../support/strokes.ts";

let stack: Stack;
/** Where the worker answers. */
let worker = "";
/** Labels of each series, by name. */
const known = new Map<string, Set<string>>();
const text = { api: "", worker: "" };

const file = (path: string): string => readFileSync(new URL(`../../docker/${path}`, import.meta.url), "utf8");
const ids = [newId("job"), newId("model"), newId("dataset"), newId("sweep")];
const key = `fm_${"t".repeat(40)}`;
const headers = { authorization: `Bearer ${key}` };

const get = (path: string): Promise<Answer> => stack.ask(path, { headers });
const figure = (of: string, series: string): number =>
  Number(
    of
      .split("\n")
      .find((line) => line.startsWith(`${series} `))
      ?.split(" ")
      .at(-1),
  );

beforeAll(async () => {
  const environment = { AUTH: "keys", ADMIN_KEY: key, WORKER_METRICS_PORT: "0" };
  stack = await startStack({ environment });
  const [said] = await until(
    async () => stack.workers[0].lines.filter((line) => line.includes("the worker answers /metrics")),
    (lines) => lines.length > 0,
    "the port of a worker",
  );
  worker = `http://127.0.0.1:${(JSON.parse(said) as { port: number }).port}`;
  await stack.ask("/v1/datasets", { headers, body: strokesForm() });
  const { body: job } = await until(
    () => stack.ask("/v1/jobs", { headers, body: { ...strokesJob, epochs: 2 } }),
    ({ status }) => status === 202,
    "a job that is accepted",
  );
  await until(
    () => get(`/v1/jobs/${job.id}`),
    ({ body }) => body.terminal,
    "the end of a job",
  );
  ids.push(job.id);
  for (const id of ids)
    for (const path of [
      `/v1/jobs/${id}`,
      `/v1/models/${id}`,
      `/v1/datasets/${id}`,
      `/nothing/${id}`,
      `/v1/jobs?after=${id}`,
    ])
      await get(path);
  text.api = (await get("/metrics")).body;
  text.worker = (await ask(worker, "/metrics", { headers })).body;
  for (const [, name, labels = ""] of `${text.api}\n${text.worker}`.matchAll(
    /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? \S+$/gm,
  )) {
    const names = known.get(name) ?? new Set();
    for (const [, label] of labels.matchAll(/(\w+)="/g)) names.add(label);
    known.set(name, names);
  }
});
afterAll(() => stack.stop());

/** Those that Prometheus gives to whatever it reads. */
const given = new Set(["job", "instance"]);

/** What an expression asks for that is not there. */
function missing(expression: string): string[] {
  const { selectors, grouped } = askedBy(expression);
  const faults = selectors.flatMap(({ metric, labels }) => {
    if (metric === "up") return [];
    const there = known.get(metric);
    if (!there) return [`there is no metric '${metric}'`];
    return labels
      .filter((label) => !there.has(label) && !given.has(label))
      .map((label) => `${metric} has no '${label}'`);
  });
  const all = selectors.flatMap(({ metric }) => [...(known.get(metric) ?? [])]);
  const strange = grouped.filter((label) => !all.includes(label) && !given.has(label));
  if (selectors.length === 0) faults.push("it asks for nothing");
  return [...faults, ...strange.map((label) => `no metric here has '${label}'`)].map(
    (fault) => `${expression}: ${fault}`,
  );
}

interface Panel {
  title: string;
  type: string;
  description?: string;
  targets?: { expr: string; legendFormat: string }[];
}
interface Rule {
  alert: string;
  expr: string;
  for: string;
  labels: { severity: string };
  annotations: { summary: string; description: string };
}

describe("the dashboard of Grafana", () => {
  const { panels } = JSON.parse(file("grafana/dashboards/feature-maps.json")) as { panels: Panel[] };
  const shown = panels.filter(({ type }) => type !== "row");
  it("asks for metrics and labels that there are", () => {
    const targets = shown.flatMap((panel) => panel.targets ?? []);
    expect(targets.length).toBeGreaterThan(20);
    expect(targets.flatMap(({ expr }) => missing(expr))).toEqual([]);
    const legends = targets.flatMap(({ expr, legendFormat }) =>
      [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label]) => ({ expr, label })),
    );
    const unknown = legends.filter(({ expr, label }) => {
      const { grouped } = askedBy(expr);
      return !given.has(label) && !grouped.includes(label);
    });
    expect(unknown).toEqual([]);
  });
  it("says what each panel shows", () => {
    expect(shown.filter(({ title, description = "" }) => title === "" || description === "")).toEqual([]);
  });
});

describe("the alarms of Prometheus", () => {
  const { groups } = parse(file("prometheus/rules.yml")) as { groups: { rules: Rule[] }[] };
  const rules = groups.flatMap((group) => group.rules);
  it("ask for metrics and labels that there are", () => {
    expect(rules.flatMap(({ expr }) => missing(expr))).toEqual([]);
  });
  it("say what is wrong and where to look", () => {
    expect(rules.length).toBeGreaterThan(5);
    for (const { alert, for: lasting, labels, annotations } of rules) {
      expect([alert, labels.severity]).toEqual([alert, expect.stringMatching(/^(page|ticket)$/)]);
      expect([alert, lasting]).toEqual([alert, expect.stringMatching(/^\d+m$/)]);
      expect([alert, annotations.summary.length > 10, annotations.description.length > 10]).toEqual([
        alert,
        true,
        true,
      ]);
    }
  });
  it("are found where they ask for what is not there", () => {
    expect(missing("sum by (status) (rate(nonesuch_total[5m]))")).toHaveLength(2);
    expect(missing('jobs{state="queued"}')).toEqual([expect.stringContaining("jobs has no 'state'")]);
    expect(() => missing("sum by (status (jobs)")).toThrow(/cannot be read/);
  });
});

describe("/metrics", () => {
  it("has no label whose values grow with what is asked for", () => {
    expect(ids.filter((id) => text.api.includes(id) || text.worker.includes(id))).toEqual([]);
    const routes = new Set([...text.api.matchAll(/route="([^"]*)"/g)].map(([, route]) => route));
    const ours = ["/v1/jobs/:id", "/v1/models/:id", "/v1/datasets/:id", "/v1/jobs", "/v1/datasets", "(none)"];
    expect([...routes].toSorted()).toEqual(expect.arrayContaining(ours.toSorted()));
    expect([...routes].filter((route) => !ours.includes(route))).toEqual([]);
  });
  it("has only labels that are listed here", () => {
    const labels = new Set(
      [...known].filter(([name]) => !/^(nodejs|process)_/.test(name)).flatMap(([, names]) => [...names]),
    );
    expect([...labels].toSorted()).toEqual(["le", "method", "queue", "route", "state", "status"]);
  });
  it("of a worker tells what it did", () => {
    expect(figure(text.worker, "worker_jobs")).toBe(0);
    expect(figure(text.worker, "worker_job_slots")).toBe(1);
    expect(figure(text.worker, "worker_checkpoint_seconds_count")).toBeGreaterThan(1);
    expect(figure(text.worker, "worker_checkpoint_bytes_total")).toBeGreaterThan(1000);
    expect(figure(text.worker, "process_resident_memory_bytes")).toBeGreaterThan(1e6);
    expect(text.worker).toContain('worker_deliveries{queue="training"} 0');
  });
  it("of a worker is under the rule of the api's, and the worker answers nothing else", async () => {
    const without = await ask(worker, "/metrics");
    expect([without.status, without.body.code, without.headers.get("www-authenticate")]).toEqual([
      401,
      "unauthorized",
      'Bearer realm="feature-maps"',
    ]);
    const wrong = { authorization: `Bearer fm_${"w".repeat(40)}` };
    expect((await ask(worker, "/metrics", { headers: wrong })).status).toBe(401);
    expect((await ask(worker, "/v1/jobs", { headers })).status).toBe(404);
    expect((await ask(worker, "/metrics", { headers, method: "POST" })).status).toBe(404);
    const open = stack.startWorker({ METRICS_OPEN: "true" });
    const [said] = await until(
      async () => open.lines.filter((line) => line.includes("the worker answers /metrics")),
      (lines) => lines.length > 0,
      "the port of another worker",
    );
    const at = `http://127.0.0.1:${(JSON.parse(said) as { port: number }).port}`;
    expect((await ask(at, "/metrics")).status).toBe(200);
  });
  it("of a worker on a port that is taken keeps it from starting, in a sentence", () => {
    const port = new URL(worker).port;
    const { status, said } = startRefused("worker", { ...stack.environment, WORKER_METRICS_PORT: port });
    expect([status, said]).toEqual([
      98,
      expect.stringContaining(`WORKER_METRICS_PORT: the worker cannot listen on ${port}`),
    ]);
  });
});
