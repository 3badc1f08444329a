/** What the real processes send to a collector, and what they write in their logs, about one request and its job. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startReceiver, type Receiver, type ReceivedSpan } from "../support/otlp/receiver.ts";
import { until, type Answer, type Service, type Stack } from "../support/stack.ts";
import { startStackWithStrokes, strokesJob } from "../support/strokes.ts";

let collector: Receiver;
let stack: Stack;
let job: Answer["body"];

beforeAll(async () => {
  collector = await startReceiver();
  stack = await startStackWithStrokes({
    environment: {
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_EXPORTER_OTLP_HEADERS: "api-key=of-a-test",
      OTEL_BSP_SCHEDULE_DELAY: "100",
      LOG_LEVEL: "debug",
    },
  });
  const made = await stack.ask("/v1/jobs", { body: { ...strokesJob, epochs: 3 } });
  job = await stack.ended(made.body.id as string);
});
afterAll(async () => {
  await stack.stop();
  await collector.stop();
});

const parentOf = (span: ReceivedSpan): ReceivedSpan | undefined =>
  collector.spans.find(({ traceId, spanId }) => traceId === span.traceId && spanId === span.parentSpanId);

/** From a span up to the root of its trace. */
function wayUp(span: ReceivedSpan | undefined): string[] {
  return span ? [`${span.service.replace("feature-maps-", "")}: ${span.name}`, ...wayUp(parentOf(span))] : [];
}

describe("a job in a collector", () => {
  it("is one trace, from its request through the queue to the phases of its training", async () => {
    const findTrain = () =>
      collector.spans.find(({ name, attributes }) => name === "train" && attributes["job.id"] === job.id);
    // Each process sends its spans in batches, when they are over.
    await until(
      async () => wayUp(findTrain()),
      (way) => way.at(-1) === "api: request",
      "a trace up to its request",
    );
    const train = findTrain();
    const own = () => collector.spans.filter(({ traceId }) => traceId === train?.traceId);
    await until(
      async () => own().map(({ name }) => name),
      (names) => names.includes("keep model") && names.includes("write checkpoint"),
      "the spans of the phases",
    );
    expect(wayUp(train)).toEqual([
      "worker: train",
      "worker: process training",
      "api: add training.train",
      expect.stringMatching(/^api: /),
      "api: request",
    ]);
    const [request] = own().filter(({ name }) => name === "request");
    expect(request).toMatchObject({
      kind: 2,
      parentSpanId: "",
      attributes: {
        "http.request.method": "POST",
        "http.route": "/v1/jobs",
        "request.id": expect.any(String) as string,
      },
    });
    const phases = own().filter(({ parentSpanId }) => parentSpanId === train?.spanId);
    const names = new Set(phases.map(({ name }) => name));
    for (const name of ["prepare", "load dataset", "epochs", "write checkpoint", "evaluate", "keep model"])
      expect([name, names.has(name)]).toEqual([name, true]);
    const epochs = phases.filter(({ name }) => name === "epochs").map(({ attributes }) => attributes);
    expect([epochs[0]["epoch.first"], epochs.at(-1)?.["epoch.last"]].map(Number)).toEqual([1, 3]);
    for (const { name, seconds } of phases) expect([name, seconds >= 0]).toEqual([name, true]);
  });

  it("is told of with the headers that were asked for, and without what nobody asked for", () => {
    expect(collector.headers[0]).toMatchObject({ "api-key": "of-a-test", "content-type": "application/x-protobuf" });
    // An idle worker looks for work all the time; probes and telemetry come every few seconds.
    expect(collector.spans.filter(({ kind, parentSpanId }) => kind === 1 && parentSpanId === "")).toEqual([]);
    expect(
      collector.spans.filter(({ attributes }) => /^\/(health|metrics)/.test(String(attributes["url.path"]))),
    ).toEqual([]);
  });
});

interface Line {
  msg: string;
  job?: string;
  requestId?: string;
}
const linesOf = ({ lines }: Service): Line[] => lines.map((line) => JSON.parse(line) as Line);

describe("a job in the logs", () => {
  it("is named in every line about it, with the id of its request, by the api and by the worker", async () => {
    const write = linesOf(stack.api).find(({ msg, job: named }) => msg === "write" && named === job.id);
    expect(write?.requestId).toMatch(/^[0-9A-Z]{26}$/);
    const worker = linesOf(stack.workers[0]).filter(({ job: named }) => named === job.id);
    expect(worker.map(({ msg }) => msg)).toEqual(expect.arrayContaining(["training starts", "training stopped"]));
    expect(worker.filter(({ requestId }) => requestId !== write?.requestId)).toEqual([]);
    const text = stack.workers[0].lines.filter((line) => line.includes(job.id));
    expect(text.filter((line) => !line.includes(`"job":"${job.id}"`))).toEqual([]);
    // No name stands twice in a line.
    expect(text.filter((line) => line.split('"job":').length > 2)).toEqual([]);
    const request = collector.spans.find(({ attributes }) => attributes["request.id"] === write?.requestId);
    expect(request?.attributes["http.route"]).toBe("/v1/jobs");
  });

  it("and so is a dataset", () => {
    const checked = linesOf(stack.workers[0]).find(({ msg }) => msg === "dataset ready");
    expect(checked?.requestId).toMatch(/^[0-9A-Z]{26}$/);
  });
});

describe("without a collector", () => {
  /** What Node says of the modules that it loads. */
  const loaded = async (endpoint: string): Promise<string[]> => {
    const environment = { NODE_DEBUG: "module,esm", OTEL_EXPORTER_OTLP_ENDPOINT: endpoint };
    const [api, worker] = [await stack.startApi(environment), stack.startWorker(environment)];
    await until(
      async () => worker.lines,
      (lines) => lines.some((line) => line.includes("the worker is ready")),
      "a worker",
    );
    await Promise.all([api.end(), worker.end()]);
    return [api, worker].map(({ lines }) => {
      const names = ["@opentelemetry/sdk-trace-node", "@opentelemetry/exporter", "@fastify/otel", "bullmq-otel"];
      return names.filter((name) => lines.some((line) => line.includes(`node_modules/${name}`))).join();
    });
  };
  it("nothing of OpenTelemetry's is loaded", async () => {
    expect(await loaded("")).toEqual(["", ""]);
    expect((await loaded(collector.url)).every((names) => names.includes("sdk-trace-node"))).toBe(true);
  });
});
