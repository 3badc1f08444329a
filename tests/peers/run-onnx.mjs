/** Runs an ONNX model once: MODEL INPUT-NAME SHAPE FILE-OF-FLOATS → {data, shape} of its first output. */
import { readFileSync } from "node:fs";
import { InferenceSession, Tensor } from "onnxruntime-node";

const [model, name, shape, file] = process.argv.slice(2);
const bytes = readFileSync(file);
const floats = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
const session = await InferenceSession.create(model);
const outputs = await session.run({ [name]: new Tensor("float32", floats, JSON.parse(shape)) });
const [output] = Object.values(outputs);
console.log(JSON.stringify({ data: [...output.data], shape: output.dims }));
