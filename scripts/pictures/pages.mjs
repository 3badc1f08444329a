/** Which pages are pictured, and what is given to the service so that there is something to see. */
import { setTimeout as sleep } from "node:timers/promises";
import sharp from "sharp";

const lookMs = 300;

/** Shapes in noise, 24×20, as a ZIP would hold them; here as JSON lines. */
function shapes() {
  const [width, height] = [24, 20];
  const kinds = {
    bars: (x) => x % 6 < 3,
    checks: (x, y) => (Math.floor(x / 4) + Math.floor(y / 4)) % 2 === 0,
    dots: (x, y) => x % 6 < 2 && y % 6 < 2,
    waves: (x, y) => (y + Math.round(3 * Math.sin(x / 3))) % 7 < 3,
  };
  let state = 7;
  const random = (most) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((most * state) / 2 ** 32);
  };
  const rows = Object.entries(kinds).flatMap(([label, isOn]) =>
    Array.from({ length: 90 - 20 * Object.keys(kinds).indexOf(label) }, () => {
      const [left, top] = [random(6), random(6)];
      const pixels = Array.from({ length: width * height }, (_, at) => {
        const [x, y] = [(at % width) + left, Math.floor(at / width) + top];
        return (isOn(x, y) ? 170 : 20) + random(14);
      });
      return { label, pixels };
    }),
  );
  return { rows, width, height };
}

/** A TAR of PNGs in folders of classes: what the dashboard makes of a folder that is dropped. */
async function archive() {
  const { rows, width, height } = shapes();
  const blocks = [];
  for (const [number, { label, pixels }] of rows.entries()) {
    const png = await sharp(Uint8Array.from(pixels), { raw: { width, height, channels: 1 } })
      .toColourspace("b-w")
      .png()
      .toBuffer();
    const header = Buffer.alloc(512);
    header.write(`shapes/${label}/${number}.png`);
    header.write("0000644\0", 100);
    header.write(`${png.length.toString(8).padStart(11, "0")}\0`, 124);
    header.write("        0ustar\u000000", 148);
    header.write("ustar\u000000", 257);
    header.write(
      `${header
        .reduce((sum, byte) => sum + byte, 0)
        .toString(8)
        .padStart(6, "0")}\0 `,
      148,
    );
    blocks.push(header, png, Buffer.alloc((512 - (png.length % 512)) % 512));
  }
  return new Blob([...blocks, Buffer.alloc(1024)]);
}

async function ask(url, path, body) {
  const isForm = body instanceof FormData;
  const answer = await fetch(`${url}${path}`, {
    ...(body === undefined ? {} : { method: "POST", body: isForm ? body : JSON.stringify(body) }),
    headers: body === undefined || isForm ? {} : { "content-type": "application/json" },
  });
  const read = await answer.json();
  if (!answer.ok) throw new Error(`${path}: ${JSON.stringify(read)}`);
  return read;
}

async function ended(url, path) {
  for (;;) {
    const read = await ask(url, path);
    if (read.terminal) return read;
    await sleep(lookMs);
  }
}

const learned = {
  layers: [
    { kind: "convolution", maps: 6, size: 5, activation: "tanh" },
    { kind: "subsampling", factor: 2, activation: "tanh" },
    {
      kind: "convolution",
      maps: 8,
      size: 3,
      activation: "tanh",
      inputs: { learned: { penalty: "entropy", strength: 0.05 } },
    },
    { kind: "dense", units: 4, activation: "softmax" },
  ],
};

/** Rates and maps, halved twice. */
const sweepOf = (dataset) => ({
  name: "rates and maps",
  base: { dataset, network: learned, epochs: 9 },
  space: { "/optimiser/learningRate": { log: [0.001, 0.3] }, "/network/layers/0/maps": { integers: [2, 8] } },
  search: { kind: "halving", trials: 9, reduction: 3, firstEpochs: 1 },
});

/** A seven, drawn on the model's board. */
async function drawSeven(tab) {
  const box = await tab.locator(".board canvas").boundingBox();
  const at = (x, y) => [box.x + x * box.width, box.y + y * box.height];
  await tab.mouse.move(...at(0.3, 0.25));
  await tab.mouse.down();
  for (const [x, y] of [
    [0.7, 0.25],
    [0.58, 0.55],
    [0.48, 0.82],
  ])
    await tab.mouse.move(...at(x, y), { steps: 8 });
  await tab.mouse.up();
  await tab.getByAltText(/Maps of layer 0/).waitFor();
}

/** Data, jobs that ended well and ill, one that runs. Answers their ids. */
export async function fill(url) {
  const form = new FormData();
  form.set("name", "shapes");
  form.set("splits", JSON.stringify({ validation: 0.2, test: 0.1 }));
  form.set("file", await archive(), "shapes.tar");
  const dataset = (await ask(url, "/v1/datasets", form)).id;
  await ended(url, `/v1/datasets/${dataset}`);
  const start = async (request) => (await ask(url, "/v1/jobs", request)).id;
  const optimiser = { kind: "sgd", learningRate: 0.02, momentum: 0.9 };
  const job = await start({ name: "shapes, learned", dataset, network: learned, epochs: 40, optimiser });
  const other = await start({
    name: "shapes, slowly",
    dataset,
    network: learned,
    epochs: 40,
    optimiser: { kind: "sgd" },
  });
  const failed = await start({
    name: "a rate that is too large",
    dataset,
    network: { layers: [{ kind: "dense", units: 4, activation: "linear" }] },
    optimiser: { kind: "sgd", learningRate: 900 },
  });
  const digits = await start({ name: "digits", dataset: "mnist", network: "lenet-5", epochs: 1 });
  await Promise.all([job, other, failed, digits].map((id) => ended(url, `/v1/jobs/${id}`)));
  const { model } = await ask(url, `/v1/jobs/${digits}`);
  const sweep = (await ask(url, "/v1/sweeps", sweepOf(dataset))).id;
  await ended(url, `/v1/sweeps/${sweep}`);
  const running = await start({ name: "digits, for long", dataset: "mnist", network: "lenet-5", epochs: 40 });
  await start({ name: "waits for its turn", dataset: "mnist", network: "fast-mnist" });
  await sleep(4000);
  return { dataset, job, other, failed, digits, model, running, sweep };
}

/** `says`: what is there once the page is whole. `act`: what is done before the picture. `looks`: by default all. */
export const pages = [
  { name: "home", path: () => "/", says: /Newest models/ },
  { name: "datasets", path: () => "/datasets", says: /MNIST/ },
  { name: "dataset", path: () => "/datasets/mnist", says: /What is in it/ },
  {
    name: "training",
    path: ({ dataset }) =>
      `/jobs/new?dataset=${dataset}&request=${encodeURIComponent(JSON.stringify({ network: learned }))}`,
    says: /FLOPs a sample/,
  },
  { name: "jobs", path: () => "/jobs", says: /digits, for long/ },
  { name: "job", path: ({ job }) => `/jobs/${job}`, says: /best epoch/ },
  { name: "job-failed", path: ({ failed }) => `/jobs/${failed}`, says: /The training diverged/ },
  { name: "model", path: ({ model }) => `/models/${model}`, says: /How good it is/, act: drawSeven },
  { name: "mathematics", path: ({ model }) => `/models/${model}/mathematics?layer=1`, says: /One number/ },
  { name: "sweep", path: ({ sweep }) => `/sweeps/${sweep}`, says: /rates and maps/ },
  { name: "system", path: () => "/system", says: /Workers/ },
  {
    name: "compare",
    path: ({ job, other }) => `/jobs/compare?jobs=${job},${other}`,
    says: /Validation accuracy/,
    looks: ["light"],
  },
];
