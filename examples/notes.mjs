/**
 * A walk through "Notes on Convolutional Neural Networks" (Bouvrie 2006) with one small network: its layers and their
 * sizes, one sample forwards, its sensitivities backwards, the gradient checked, and what was learned inside.
 *     node notes.mjs [DATASET]
 */
import { Client } from "feature-maps-client";

const client = new Client(process.env.FEATURE_MAPS_URL ?? "http://127.0.0.1:3000");
const [dataset = "mnist"] = process.argv.slice(2);
const say = (text = "") => console.log(text);
/** δ of a sample that the network is sure of is tiny, not nothing. */
const small = (value) => (value === 0 ? "0" : value.toExponential(1));
const norm = (values) => Math.sqrt(values.flat(2).reduce((sum, each) => sum + each * each, 0));

const { classes } = await client.datasets.get(dataset);
const network = {
  layers: [
    { kind: "convolution", maps: 3, size: 3, padding: 1, activation: "tanh" },
    { kind: "subsampling", factor: 2, reduce: "sum", trainable: true, activation: "tanh" },
    {
      kind: "convolution",
      maps: 2,
      size: 2,
      activation: "tanh",
      inputs: { learned: { filters: "per-input", penalty: "entropy", strength: 0.001 } },
    },
    { kind: "dense", units: classes.length, activation: "softmax" },
  ],
};

say("§3 The network: what each layer makes of its input");
const { layers } = await client.jobs.estimate({ dataset, network });
const size = ({ channels, height, width }) => `${channels}×${height}×${width}`;
for (const { kind, input, output, parameters } of layers)
  say(`  ${kind.padEnd(12)} ${size(input)} → ${size(output)}, ${parameters} parameters`);

say("\n§2.1 Training: E falls from epoch to epoch");
const { id } = await client.jobs.create({ dataset, network, epochs: 3, batchSize: 20 });
const job = await client.jobs.wait(id, {
  onEvent: ({ type, data }) => type === "epoch" && say(`  epoch ${data.epoch}: E = ${data.loss.toFixed(4)}`),
});
if (job.status !== "succeeded") throw new Error(job.error?.detail ?? job.status);

say("\n(1), §2.2 One sample forwards and backwards: the size of x and of δ = ∂E/∂u, layer by layer");
const { data: samples } = await client.datasets.samples(dataset, { split: "test", limit: 1 });
const [{ pixels, label }] = samples;
const answer = await client.models.sensitivities(job.model, { instances: [pixels] }, { class: label });
for (const { layer, kind, values, sensitivities, gradientNorm } of answer.layers) {
  const gradient = gradientNorm === null ? "" : `, ‖∂E/∂θ‖ ${small(gradientNorm)}`;
  say(
    `  ${String(layer).padStart(2)} ${kind.padEnd(12)} ‖x‖ ${norm(values).toFixed(3)}, ‖δ‖ ${small(norm(sensitivities))}${gradient}`,
  );
}

say("\n§2.2 Back-propagation against finite differences");
const check = await client.jobs.checkGradients({ dataset, network, sample: 5 });
say(`  worst relative error ${check.worst.toExponential(1)}`);

say("\n§3.2, §3.3 What was learned where a map weighs its inputs");
const inside = await client.models.network(job.model);
for (const { index, beta, alpha, effectiveInputs } of inside.layers) {
  if (beta) say(`  layer ${index}: β ${beta.map((each) => each.toFixed(3)).join(" ")}`);
  if (alpha)
    say(`  layer ${index}: α ${alpha.map((row) => `(${row.map((each) => each.toFixed(2)).join(" ")})`).join(" ")}`);
  if (effectiveInputs)
    say(`  layer ${index}: inputs in effect ${effectiveInputs.map((each) => each.toFixed(2)).join(" ")}`);
}
