/**
 * The peer: what somebody would write who serves a model from Node. Plain Fastify with onnxruntime-node on our own
 * export of the model; no log, no hooks, answers serialised by fast-json-stringify from their schemas. Started with the
 * path of the ONNX file; says where it listens.
 */
import { readFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import type { FastifyInstance } from "fastify";
import { input } from "../cases.ts";
import { load } from "../peers/load.ts";

interface Session {
  inputNames: string[];
  outputNames: string[];
  run(feeds: Record<string, object>): Promise<Record<string, { data: Float32Array; dims: number[] }>>;
}
interface Onnxruntime {
  InferenceSession: { create(model: Uint8Array, options: object): Promise<Session> };
  Tensor: new (dtype: "float32", values: Float32Array, shape: number[]) => object;
}
interface Picture {
  greyscale(): Picture;
  resize(width: number, height: number): Picture;
  raw(): Picture;
  toBuffer(): Promise<Buffer>;
}
type Numbers = ArrayLike<number>;

const size = input.channels * input.height * input.width;
const { InferenceSession, Tensor } = load<Onnxruntime>("onnxruntime-node");
const sharp = load<(bytes: Buffer) => Picture>("sharp");
const fastify = load<(options: object) => FastifyInstance>("fastify");

const session = await InferenceSession.create(readFileSync(process.argv[2] ?? ""), {
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  graphOptimizationLevel: "all",
  executionMode: "sequential",
});
const [inputName] = session.inputNames;
const outputName = session.outputNames.find((name) => name === "probabilities") ?? session.outputNames[0];

async function infer(samples: Float32Array): Promise<{ data: Float32Array; classes: number; count: number }> {
  const count = samples.length / size;
  const shape = [count, input.channels, input.height, input.width];
  const { data } = (await session.run({ [inputName]: new Tensor("float32", samples, shape) }))[outputName];
  return { data, count, classes: data.length / count };
}

function rowsOf({ data, count, classes }: Awaited<ReturnType<typeof infer>>, topK: number | undefined): object[] {
  const rows: object[] = [];
  for (let row = 0; row < count; row++) {
    const probabilities = Array.from(data.subarray(row * classes, (row + 1) * classes));
    let best = 0;
    for (let each = 1; each < classes; each++) if (probabilities[each] > probabilities[best]) best = each;
    const answer = { class: best, confidence: probabilities[best], probabilities };
    if (topK === undefined) rows.push(answer);
    else {
      const order = probabilities.map((_, at) => at).sort((left, right) => probabilities[right] - probabilities[left]);
      const ranked = order
        .slice(0, topK)
        .map((at) => ({ class: at, name: String(at), probability: probabilities[at] }));
      rows.push({ ...answer, topK: ranked });
    }
  }
  return rows;
}

function flatten(instances: readonly Numbers[]): Float32Array {
  const samples = new Float32Array(instances.length * size);
  for (const [index, instance] of instances.entries()) samples.set(instance, index * size);
  return samples;
}

const number = { type: "number" };
const numbers = { type: "array", items: number };
const list = (properties: object): object => ({ type: "array", items: { type: "object", properties } });
const answers = (response: object): object => ({
  schema: { response: { 200: { type: "object", properties: response } } },
});
const ranked = list({ class: { type: "integer" }, name: { type: "string" }, probability: number });
const predictions = answers({
  predictions: list({ class: { type: "integer" }, confidence: number, probabilities: numbers, topK: ranked }),
});
const tensor = { name: { type: "string" }, datatype: { type: "string" }, shape: numbers, data: numbers };

const app = fastify({
  logger: false,
  bodyLimit: 64 * 1024 * 1024,
  onProtoPoisoning: "ignore",
  onConstructorPoisoning: "ignore",
});
app.addContentTypeParser(["application/octet-stream", "image/png"], { parseAs: "buffer" }, (_request, body, done) =>
  done(null, body),
);
app.get("/hello", answers({ hello: { type: "string" } }), async () => ({ hello: "world" }));
app.post("/json", predictions, async (request) => {
  const { instances, topK } = request.body as { instances: Numbers[]; topK?: number };
  return { predictions: rowsOf(await infer(flatten(instances)), topK) };
});
app.post("/raw", predictions, async (request) => ({
  predictions: rowsOf(await infer(Float32Array.from(request.body as Buffer)), undefined),
}));
app.post("/picture", predictions, async (request) => {
  const picture = sharp(request.body as Buffer)
    .greyscale()
    .resize(input.width, input.height)
    .raw();
  return { predictions: rowsOf(await infer(Float32Array.from(await picture.toBuffer())), undefined) };
});
app.post("/infer", answers({ model_name: { type: "string" }, outputs: list(tensor) }), async (request) => {
  const { inputs } = request.body as { inputs: { data: Numbers }[] };
  const { data, count, classes } = await infer(Float32Array.from(inputs[0].data));
  const outputs = [{ name: "probabilities", datatype: "FP32", shape: [count, classes], data: Array.from(data) }];
  return { model_name: "peer", outputs };
});
/** The binary extension: JSON of the length that the header says, then the tensors, little-endian. */
app.post("/infer-binary", async (request, reply) => {
  const body = request.body as Buffer;
  const length = Number(request.headers["inference-header-content-length"]);
  const samples = new Float32Array(body.buffer.slice(body.byteOffset + length, body.byteOffset + body.length));
  const { data, count, classes } = await infer(samples);
  const outputs = [
    {
      name: "probabilities",
      datatype: "FP32",
      shape: [count, classes],
      parameters: { binary_data_size: data.byteLength },
    },
  ];
  const header = Buffer.from(JSON.stringify({ model_name: "peer", outputs }));
  reply.header("inference-header-content-length", header.length).type("application/octet-stream");
  return reply.send(Buffer.concat([header, new Uint8Array(data.buffer, data.byteOffset, data.byteLength)]));
});

/** What bench/serving/telemetry.ts reads of either side. */
app.get("/metrics", async () => {
  const { user, system } = process.cpuUsage();
  return `process_cpu_seconds_total ${(user + system) / 1e6}\nprocess_resident_memory_bytes ${process.memoryUsage.rss()}\n`;
});

process.on("SIGTERM", () => process.exit());
await app.listen({ port: 0, host: "127.0.0.1" });
process.stdout.write(`listening on http://127.0.0.1:${(app.server.address() as AddressInfo).port}\n`);
