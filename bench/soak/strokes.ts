/** Small datasets and jobs of which one ends within a second. */

const [height, width, pixels] = [7, 5, 35];
export const classes = ["bar", "dash", "dot"];

/** An IDX file of bytes. */
function idx(sizes: readonly number[], data: Uint8Array): Buffer {
  const header = Buffer.alloc(4 + 4 * sizes.length);
  header.writeUInt32BE(0x0800 + sizes.length);
  for (const [axis, size] of sizes.entries()) header.writeUInt32BE(size, 4 + 4 * axis);
  return Buffer.concat([header, data]);
}

/** The form of an upload whose pictures nobody sent before: the number stands in its pixels. */
export function uploadOf(number: number, samples: number): { body: Buffer; contentType: string } {
  const edge = "soak";
  const images = new Uint8Array(samples * pixels);
  const labels = Uint8Array.from({ length: samples }, (_, at) => at % classes.length);
  for (let at = 0; at < samples; at++)
    for (let pixel = 0; pixel < pixels; pixel++)
      images[at * pixels + pixel] =
        (labels[at] === 0 && pixel % width === at % width) || (labels[at] === 1 && pixel % height === at % height)
          ? 200
          : (number * 31 + pixel * 7 + at) % 97;
  const field = (name: string, value: string): Buffer =>
    Buffer.from(`--${edge}\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`);
  const file = (name: string, bytes: Buffer): Buffer =>
    Buffer.concat([
      Buffer.from(`--${edge}\r\ncontent-disposition: form-data; name="${name}"; filename="${name}.idx"\r\n\r\n`),
      bytes,
      Buffer.from("\r\n"),
    ]);
  return {
    contentType: `multipart/form-data; boundary=${edge}`,
    body: Buffer.concat([
      field("name", `soak ${number}`),
      field("classes", JSON.stringify(classes)),
      file("images", idx([samples, height, width], images)),
      file("labels", idx([samples], labels)),
      Buffer.from(`--${edge}--\r\n`),
    ]),
  };
}

export const jobOn = (dataset: string, seed: number): object => ({
  dataset,
  network: {
    layers: [
      { kind: "convolution", maps: 6, size: 3, activation: "tanh", padding: 1 },
      { kind: "dense", units: 3, activation: "softmax" },
    ],
  },
  optimiser: { kind: "sgd", learningRate: 0.1 },
  batchSize: 20,
  epochs: 10,
  threads: 1,
  seed,
});

export const sample = (at: number): object => ({
  instances: [Array.from({ length: pixels }, (_, pixel) => (at * 13 + pixel * 5) % 256)],
});
