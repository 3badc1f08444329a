/** convnetjs as a contender: float64, one sample at a time, maxima for all subsampling. */
import { classes, input } from "../cases.ts";
import { pictures, repeat, serve, type Work } from "../protocol.ts";
import { load, versionOf } from "./load.ts";

interface Volume {
  w: Float64Array;
}
interface Net {
  makeLayers(layers: object[]): void;
  forward(sample: Volume, training: boolean): Volume;
}
interface Library {
  Net: new () => Net;
  Vol: new (width: number, height: number, depth: number, fill: number) => Volume;
  Trainer: new (net: Net, options: object) => { train(sample: Volume, label: number): unknown };
}

const library = load<Library>("convnetjs");
const samples = 256;
const pixels = input.height * input.width;
const data = pictures(samples, pixels);
const volumes = Array.from({ length: samples }, (_, index) => {
  const volume = new library.Vol(input.width, input.height, 1, 0);
  volume.w.set(data.samples.subarray(index * pixels, (index + 1) * pixels));
  return volume;
});

let work: () => number = () => 0;

await serve({
  version: versionOf("convnetjs"),
  notes: ["float64", "max pooling for every subsampling, softmax for every output"],
  async prepare({ definition, mode, batch, threads }) {
    if (threads > 1) return "one thread only";
    if (definition.input.channels > 1) return "has neither batch normalisation nor shortcuts";
    const layers: object[] = [{ type: "input", out_sx: input.width, out_sy: input.height, out_depth: 1 }];
    for (const layer of definition.network.layers.slice(0, -1)) {
      if (layer.kind === "convolution")
        layers.push({
          type: "conv",
          sx: layer.size,
          filters: layer.maps,
          stride: layer.stride,
          pad: layer.padding,
          activation: layer.activation,
        });
      else if (layer.kind === "subsampling") layers.push({ type: "pool", sx: layer.factor, stride: layer.factor });
      else if (layer.kind === "dense")
        layers.push({ type: "fc", num_neurons: layer.units, activation: layer.activation });
    }
    layers.push({ type: "softmax", num_classes: classes });
    const net = new library.Net();
    net.makeLayers(layers);
    const trainer = new library.Trainer(net, { method: "sgd", learning_rate: 0.01, momentum: 0, batch_size: batch });
    let at = 0;
    work = () => {
      at = (at + 1) % samples;
      if (mode === "training") trainer.train(volumes[at], data.labels[at]);
      else net.forward(volumes[at], false);
      return 1;
    };
    return undefined;
  },
  run: (seconds): Promise<Work> => repeat(seconds, () => work()),
});
