/**
 * The graph of an ONNX model as it grows, and the model around it as bytes (operator set 13). What a layer becomes
 * stands in onnx.ts.
 */
import type { Shape } from "../../schemas/shape.ts";
import { bytesField, floatField, integerField, message, textField } from "./protobuf.ts";

/** Field numbers and codes of onnx.proto. */
const model = { irVersion: 1, producer: 2, graph: 7, operatorSet: 8, metadata: 14 };
const operatorSet = { version: 2 };
const metadataEntry = { key: 1, value: 2 };
const graphFields = { node: 1, name: 2, initializer: 5, input: 11, output: 12 };
const nodeFields = { input: 1, output: 2, name: 3, operator: 4, attribute: 5 };
const attributeFields = { name: 1, float: 2, integer: 3, integers: 8, type: 20 };
const attributeTypes = { float: 1, integer: 2, integers: 7 };
const tensorFields = { dimensions: 1, dataType: 2, name: 8, raw: 9 };
const dataTypes = { float: 1, int64: 7 };
const valueFields = { name: 1, type: 2 };
const typeFields = { tensor: 1, elementType: 1, shape: 2 };
const dimensionFields = { dimension: 1, value: 1, parameter: 2 };
const irVersion = 7;
const operatorSetVersion = 13;

type Attribute = number | readonly number[] | { float: number };

interface Node {
  operator: string;
  inputs: string[];
  output: string;
  attributes: Readonly<Record<string, Attribute>>;
}

/** The graph as it grows: each node reads the newest value, `top`, and makes a new one. */
export interface Graph {
  top: string;
  /** The shape of `top` for one sample, and whether it stands as maps [batch, c, h, w] or as a vector [batch, n]. */
  shape: Shape;
  asMaps: boolean;
  nodes: Node[];
  initializers: Uint8Array[];
}

function attribute(name: string, value: Attribute): Uint8Array {
  const fields = [textField(attributeFields.name, name)];
  if (typeof value === "number")
    fields.push(
      integerField(attributeFields.integer, value),
      integerField(attributeFields.type, attributeTypes.integer),
    );
  else if ("float" in value)
    fields.push(
      floatField(attributeFields.float, value.float),
      integerField(attributeFields.type, attributeTypes.float),
    );
  else
    fields.push(
      ...value.map((each) => integerField(attributeFields.integers, each)),
      integerField(attributeFields.type, attributeTypes.integers),
    );
  return bytesField(nodeFields.attribute, message(...fields));
}

function nodeBytes(node: Node): Uint8Array {
  return message(
    ...node.inputs.map((each) => textField(nodeFields.input, each)),
    textField(nodeFields.output, node.output),
    textField(nodeFields.name, node.output),
    textField(nodeFields.operator, node.operator),
    ...Object.entries(node.attributes).map(([name, value]) => attribute(name, value)),
  );
}

/** Adds a node `operator(top, …constants)`. */
export function addNode(
  graph: Graph,
  operator: string,
  constants: readonly string[] = [],
  attributes: Readonly<Record<string, Attribute>> = {},
): void {
  const output = `${operator}.${graph.nodes.length}`;
  graph.nodes.push({ operator, inputs: [graph.top, ...constants], output, attributes });
  graph.top = output;
}

/** Adds a constant and returns its name. */
export function addTensor(
  graph: Graph,
  name: string,
  shape: readonly number[],
  values: Float32Array | BigInt64Array,
): string {
  graph.initializers.push(
    message(
      ...shape.map((each) => integerField(tensorFields.dimensions, each)),
      integerField(tensorFields.dataType, values instanceof Float32Array ? dataTypes.float : dataTypes.int64),
      textField(tensorFields.name, name),
      bytesField(tensorFields.raw, new Uint8Array(values.buffer, values.byteOffset, values.byteLength)),
    ),
  );
  return name;
}

export function toVector(graph: Graph): void {
  if (!graph.asMaps) return;
  addNode(graph, "Flatten", [], { axis: 1 });
  graph.asMaps = false;
}

export function toMaps(graph: Graph): void {
  if (graph.asMaps) return;
  const { channels, height, width } = graph.shape;
  const to = addTensor(
    graph,
    `shape.${graph.nodes.length}`,
    [4],
    BigInt64Array.of(0n, BigInt(channels), BigInt(height), BigInt(width)),
  );
  addNode(graph, "Reshape", [to]);
  graph.asMaps = true;
}

/** `top` operator a constant for each map. */
export const perMap = (graph: Graph, operator: string, name: string, values: Float32Array): void =>
  addNode(graph, operator, [addTensor(graph, name, [1, values.length, 1, 1], values)]);

/** A named float tensor of the graph's door: the first dimension is the batch. */
function door(name: string, sizes: readonly number[]): Uint8Array {
  const dimensions = [
    textField(dimensionFields.parameter, "batch"),
    ...sizes.map((each) => integerField(dimensionFields.value, each)),
  ];
  const shape = message(...dimensions.map((each) => bytesField(dimensionFields.dimension, each)));
  const tensor = message(integerField(typeFields.elementType, dataTypes.float), bytesField(typeFields.shape, shape));
  return message(
    textField(valueFields.name, name),
    bytesField(valueFields.type, bytesField(typeFields.tensor, tensor)),
  );
}

const metadataField = ([key, value]: [string, string]): Uint8Array =>
  bytesField(model.metadata, message(textField(metadataEntry.key, key), textField(metadataEntry.value, value)));

/** The model's bytes: what the graph has become, from `input` to `output`, sizes of one sample each. */
export function modelBytes(
  { nodes, initializers, top }: Graph,
  {
    input,
    output,
    metadata,
  }: { input: readonly number[]; output: readonly number[]; metadata: Record<string, string> },
): Uint8Array {
  const named = nodes.map((node) => (node.output === top ? { ...node, output: "output" } : node));
  return message(
    integerField(model.irVersion, irVersion),
    textField(model.producer, "feature-maps"),
    bytesField(
      model.graph,
      message(
        ...named.map((each) => bytesField(graphFields.node, nodeBytes(each))),
        textField(graphFields.name, "network"),
        ...initializers.map((each) => bytesField(graphFields.initializer, each)),
        bytesField(graphFields.input, door("input", input)),
        bytesField(graphFields.output, door("output", output)),
      ),
    ),
    bytesField(model.operatorSet, message(integerField(operatorSet.version, operatorSetVersion))),
    ...Object.entries(metadata).map(metadataField),
  );
}
