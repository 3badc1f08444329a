/**
 * TensorFlow.js on its WebAssembly backend as a contender. It lacks the gradient of a convolution, so it infers only.
 */
import { join } from "node:path";
import { classes, input } from "../cases.ts";
import { pictures, repeat, serve, type Prepared } from "../protocol.ts";
import { folderOf, load, versionOf } from "./load.ts";

interface Tensor {
  dispose(): void;
  data(): Promise<Float32Array>;
}
interface Model {
  add(layer: object): void;
  predict(input: Tensor, options: object): Tensor;
}
type MakeLayer = (options: object) => object;
interface Library {
  setBackend(name: string): Promise<boolean>;
  removeBackend(name: string): void;
  tensor4d(values: Float32Array, shape: number[]): Tensor;
  sequential(): Model;
  layers: {
    conv2d: MakeLayer;
    averagePooling2d: MakeLayer;
    maxPooling2d: MakeLayer;
    dense: MakeLayer;
    flatten: MakeLayer;
  };
}
interface Backend {
  setWasmPaths(folder: string): void;
  setThreadsCount(count: number): void;
}

console.warn = () => undefined;
const library = load<Library>("@tensorflow/tfjs");
const backend = load<Backend>("@tensorflow/tfjs-backend-wasm");
backend.setWasmPaths(join(folderOf("@tensorflow/tfjs-backend-wasm"), "dist/"));

let chosenThreads = 0;
let work: () => Promise<number> = async () => 0;

function build({ definition }: Prepared): Model {
  const model = library.sequential();
  const { layers } = library;
  let flat = false;
  for (const [index, layer] of definition.network.layers.entries()) {
    const inputShape = index === 0 ? { inputShape: [input.height, input.width, 1] } : {};
    if (layer.kind === "convolution")
      model.add(
        layers.conv2d({
          ...inputShape,
          filters: layer.maps,
          kernelSize: layer.size,
          strides: layer.stride,
          padding: layer.padding > 0 ? "same" : "valid",
          activation: layer.activation,
        }),
      );
    else if (layer.kind === "subsampling")
      model.add(
        (layer.reduce === "max" ? layers.maxPooling2d : layers.averagePooling2d)({
          poolSize: layer.factor,
          strides: layer.factor,
        }),
      );
    else if (layer.kind === "dense") {
      if (!flat) model.add(layers.flatten({}));
      flat = true;
      model.add(layers.dense({ units: layer.units, activation: layer.activation }));
    }
  }
  return model;
}

await serve({
  version: versionOf("@tensorflow/tfjs-backend-wasm"),
  notes: ["WebAssembly backend; as shipped it has no gradient of a convolution, so it cannot train one"],
  async prepare(wanted) {
    if (wanted.mode === "training") return "has no gradient of a convolution";
    if (wanted.definition.input.channels > 1) return "measured on MNIST's networks alone";
    if (chosenThreads !== wanted.threads) {
      if (chosenThreads !== 0) return "the number of threads is fixed when the backend starts";
      backend.setThreadsCount(wanted.threads);
      chosenThreads = wanted.threads;
      await library.setBackend("wasm");
    }
    const { samples } = pictures(wanted.batch, input.height * input.width);
    const tensor = library.tensor4d(samples, [wanted.batch, input.height, input.width, 1]);
    const model = build(wanted);
    work = async () => {
      const out = model.predict(tensor, { batchSize: wanted.batch });
      const values = await out.data();
      out.dispose();
      return values.length / classes;
    };
    return undefined;
  },
  run: (seconds) => repeat(seconds, () => work()),
});
