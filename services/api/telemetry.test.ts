/** What /metrics answers, and that the dashboard and the alarms in docker/ ask for nothing else. */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { startTestApp, type TestApp } from "../../tests/support/app.ts";
import { askedBy } from "../../tests/support/promql.ts";
import { newId } from "../shared/ids.ts";

let test: TestApp;
/** Labels of each series, by name. */
const known = new Map<string, Set<string>>();
let text = "";

const file = (path: string): string => readFileSync(new URL(`../../docker/${path}`, import.meta.url), "utf8");
const ids = [newId("job"), newId("model"), newId("dataset"), newId("sweep")];

beforeAll(async () => {
  test = await startTestApp();
  for (const id of ids)
    for (const url of [
      `/v1/jobs/${id}`,
      `/v1/models/${id}`,
      `/v1/datasets/${id}`,
      `/nothing/${id}`,
      `/v1/jobs?after=${id}`,
    ])
      await test.app.inject(url);
  text = (await test.app.inject("/metrics")).body;
  for (const [, name, labels = ""] of text.matchAll(/^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? \S+$/gm)) {
    const names = known.get(name) ?? new Set();
    for (const [, label] of labels.matchAll(/(\w+)="/g)) names.add(label);
    known.set(name, names);
  }
});
afterAll(() => test.stop());

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
    expect(ids.filter((id) => text.includes(id))).toEqual([]);
    const routes = new Set([...text.matchAll(/route="([^"]*)"/g)].map(([, route]) => route));
    const ours = ["/v1/jobs/:id", "/v1/models/:id", "/v1/datasets/:id", "/v1/jobs", "(none)"];
    expect([...routes].toSorted()).toEqual(expect.arrayContaining(ours.toSorted()));
    expect([...routes].filter((route) => !ours.includes(route))).toEqual([]);
  });
  it("has only labels that are listed here", () => {
    const labels = new Set(
      [...known].filter(([name]) => !/^(nodejs|process)_/.test(name)).flatMap(([, names]) => [...names]),
    );
    expect([...labels].toSorted()).toEqual(["le", "method", "queue", "route", "state", "status"]);
  });
});
