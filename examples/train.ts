/** Layers of your own, checked before they are trained, and the curves afterwards. */
import { Client, Problem, type Estimate, type JobRequest } from "feature-maps-client";

const client = new Client(process.env["FEATURE_MAPS_URL"] ?? "http://127.0.0.1:3000");
const dataset = process.argv[2] ?? "mnist";

const request: JobRequest = {
  name: "layers of my own",
  dataset,
  network: {
    layers: [
      { kind: "convolution", maps: 4, size: 3, padding: 1, activation: "tanh" },
      { kind: "subsampling", factor: 2, reduce: "mean" },
      { kind: "dense", units: 3, activation: "softmax" },
    ],
  },
  optimiser: { kind: "nesterov", learningRate: 0.05 },
  epochs: 3,
};

/** What does not fit is told with a pointer into the request, before anything is queued. */
async function check(): Promise<Estimate | null> {
  try {
    return await client.jobs.estimate(request);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    for (const { pointer, detail } of error.errors) console.error(`${pointer}: ${detail}`);
    return null;
  }
}

const estimate = await check();
if (estimate === null) process.exit(1);
for (const { kind, output, parameters } of estimate.layers)
  console.log(`${kind} → ${output.channels}×${output.height}×${output.width}, ${parameters} parameters`);

const job = await client.jobs.create(request);
const ended = await client.jobs.wait(job.id);
const { data } = await client.jobs.metrics(job.id, { series: "epoch" });
for (const row of data) console.log(`epoch ${row.epoch}: loss ${row.loss}, accuracy ${row.accuracy}`);
console.log(`${ended.id} ${ended.status}, model ${ended.model}`);
