/** onnxruntime as a contender: infers with the file that the engine's export writes. */
import { exportOnnx } from "../../engine/index.ts";
import { sizeOf } from "../../schemas/shape.ts";
import { classes } from "../cases.ts";
import { initialWeights, plainNormalisation } from "../initial-weights.ts";
import { pictures, repeat, serve } from "../protocol.ts";
import { load, versionOf } from "./load.ts";

interface Session {
  inputNames: string[];
  run(feeds: Record<string, object>): Promise<Record<string, { data: Float32Array }>>;
  release(): Promise<void>;
}
interface Library {
  InferenceSession: { create(model: Uint8Array, options: object): Promise<Session> };
  Tensor: new (dtype: "float32", values: Float32Array, shape: number[]) => object;
}

const library = load<Library>("onnxruntime-node");
let session: Session | null = null;
let work: () => Promise<number> = async () => 0;

await serve({
  version: versionOf("onnxruntime-node"),
  notes: ["infers only; all graph optimisations"],
  async prepare(wanted) {
    if (wanted.mode === "training") return "infers only";
    await session?.release();
    const { network, input } = wanted.definition;
    const model = exportOnnx({
      network,
      input,
      classes: Array.from({ length: classes }, (_, index) => String(index)),
      normalisation: plainNormalisation(input, 1),
      weights: initialWeights(wanted),
    });
    const opened = await library.InferenceSession.create(model, {
      intraOpNumThreads: wanted.threads,
      interOpNumThreads: 1,
      graphOptimizationLevel: "all",
      executionMode: "sequential",
    });
    session = opened;
    const { samples } = pictures(wanted.batch, sizeOf(input));
    const feeds = {
      [opened.inputNames[0]]: new library.Tensor("float32", samples, [
        wanted.batch,
        input.channels,
        input.height,
        input.width,
      ]),
    };
    work = async () => {
      await opened.run(feeds);
      return wanted.batch;
    };
    return undefined;
  },
  run: (seconds) => repeat(seconds, () => work()),
});
