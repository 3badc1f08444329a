/**
 * Asks this model about pictures, in Node.
 *
 *     npm install onnxruntime-node sharp
 *     node predict.mjs sample.png [more pictures]
 *
 * Prints one line a picture: the file, the class, how sure the network is. `predict(files)` is there for your own code.
 */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { InferenceSession, Tensor } from "onnxruntime-node";
import sharp from "sharp";

const beside = (name) => fileURLToPath(new URL(name, import.meta.url));
const about = JSON.parse(readFileSync(beside("network.json"), "utf8"));
const labels = JSON.parse(readFileSync(beside("labels.json"), "utf8"));
const session = await InferenceSession.create(beside("model.onnx"));
const { channels, height, width } = about.input;
const { fit, background = "black" } = about.conversion;
const fits = { fit: "contain", crop: "cover", stretch: "fill" };

/** A picture as the network takes it: [channels][rows][columns], in the range of the training data. */
async function toSample(file) {
  const picture = sharp(file).autoOrient().flatten({ background });
  const coloured = channels === 1 ? picture.greyscale().toColourspace("b-w") : picture.toColourspace("srgb");
  const pixels = await coloured
    .resize({ width, height, fit: fits[fit], background })
    .raw({ depth: "uchar" })
    .toBuffer();
  const { minimum, maximum } = about.range;
  return Float32Array.from({ length: channels * height * width }, (_, at) => {
    const [channel, pixel] = [Math.floor(at / (height * width)), at % (height * width)];
    const value = pixels[pixel * channels + channel];
    return minimum === 0 && maximum === 255 ? value : minimum + (value / 255) * (maximum - minimum);
  });
}

/** Shares of one, from outputs of any last activation. */
function shares(outputs) {
  const { probabilities, low } = about.output;
  if (probabilities) return outputs;
  const clipped = outputs.map((output) => Math.min(1, Math.max(0, (output - low) / (1 - low))));
  const sum = clipped.reduce((total, share) => total + share, 0);
  return clipped.map((share) => (sum > 0 ? share / sum : 1 / labels.length));
}

/** Probabilities [classes] of each picture. */
export async function predict(files) {
  const rows = [];
  for (const file of files) {
    const input = new Tensor("float32", await toSample(file), [1, channels, height, width]);
    const { output } = await session.run({ input });
    rows.push(shares([...output.data]));
  }
  return rows;
}

if (process.argv[1] && fileURLToPath(import.meta.url) === process.argv[1]) {
  const files = process.argv.length > 2 ? process.argv.slice(2) : [beside("sample.png")];
  for (const [index, row] of (await predict(files)).entries()) {
    const best = row.indexOf(Math.max(...row));
    console.log(`${files[index]}\t${labels[best]}\t${row[best].toFixed(6)}`);
  }
}
