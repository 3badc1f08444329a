/**
 * A second opinion on exported ONNX files: reads the bytes by the published field numbers and runs the graph with the
 * plainest loops there are. Shares no code with the exporter. Knows only the operators that the exporter may use, and
 * refuses others.
 */
export interface Value {
  shape: number[];
  data: Float64Array;
}
interface Attributes {
  [name: string]: number | number[];
}
export interface OnnxNode {
  operator: string;
  inputs: string[];
  outputs: string[];
  attributes: Attributes;
}
export interface OnnxModel {
  irVersion: number;
  operatorSet: number;
  metadata: Record<string, string>;
  nodes: OnnxNode[];
  constants: Map<string, Value>;
  input: { name: string; shape: (number | string)[] };
  output: { name: string; shape: (number | string)[] };
}

type Field = { field: number; number: number; bytes: Uint8Array };

/** The fields of one message; varints as numbers, everything else as bytes. */
function fieldsOf(bytes: Uint8Array): Field[] {
  const fields: Field[] = [];
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let shift = 1; ; shift *= 128) {
      const byte = bytes[at++];
      value += (byte & 127) * shift;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const key = varint();
    const wire = key & 7;
    if (wire === 0) fields.push({ field: key >> 3, number: varint(), bytes: new Uint8Array() });
    else {
      const length = wire === 5 ? 4 : varint();
      if (wire !== 2 && wire !== 5) throw new Error(`wire type ${wire}`);
      if (at + length > bytes.length) throw new Error("a field runs over the end of its message");
      fields.push({ field: key >> 3, number: NaN, bytes: bytes.slice(at, at + length) });
      at += length;
    }
  }
  return fields;
}
const all = (fields: Field[], field: number): Field[] => fields.filter((each) => each.field === field);
const one = (fields: Field[], field: number): Field => {
  const found = all(fields, field);
  if (found.length !== 1) throw new Error(`field ${field} stands ${found.length} times`);
  return found[0];
};
const text = (field: Field): string => new TextDecoder().decode(field.bytes);

function readTensor(bytes: Uint8Array): [string, Value] {
  const fields = fieldsOf(bytes);
  const raw = one(fields, 9).bytes.buffer as ArrayBuffer;
  const type = one(fields, 2).number;
  const data =
    type === 1 ? Float64Array.from(new Float32Array(raw)) : Float64Array.from(new BigInt64Array(raw), Number);
  return [text(one(fields, 8)), { shape: all(fields, 1).map((each) => each.number), data }];
}

function readNode(bytes: Uint8Array): OnnxNode {
  const fields = fieldsOf(bytes);
  const attributes: Attributes = {};
  for (const each of all(fields, 5)) {
    const parts = fieldsOf(each.bytes);
    const name = text(one(parts, 1));
    const type = one(parts, 20).number;
    if (type === 1) attributes[name] = new DataView(one(parts, 2).bytes.buffer).getFloat32(0, true);
    else if (type === 2) attributes[name] = one(parts, 3).number;
    else if (type === 7) attributes[name] = all(parts, 8).map((value) => value.number);
    else throw new Error(`attribute type ${type}`);
  }
  return {
    operator: text(one(fields, 4)),
    inputs: all(fields, 1).map(text),
    outputs: all(fields, 2).map(text),
    attributes,
  };
}

function readDoor(bytes: Uint8Array): OnnxModel["input"] {
  const fields = fieldsOf(bytes);
  const tensor = fieldsOf(one(fieldsOf(one(fields, 2).bytes), 1).bytes);
  if (one(tensor, 1).number !== 1) throw new Error("not float32");
  const dimensions = all(fieldsOf(one(tensor, 2).bytes), 1).map((each) => fieldsOf(each.bytes)[0]);
  return { name: text(one(fields, 1)), shape: dimensions.map((each) => (each.field === 1 ? each.number : text(each))) };
}

export function readOnnx(bytes: Uint8Array): OnnxModel {
  const model = fieldsOf(bytes);
  const graph = fieldsOf(one(model, 7).bytes);
  return {
    irVersion: one(model, 1).number,
    operatorSet: one(fieldsOf(one(model, 8).bytes), 2).number,
    metadata: Object.fromEntries(
      all(model, 14)
        .map((each) => fieldsOf(each.bytes))
        .map((entry) => [text(one(entry, 1)), text(one(entry, 2))]),
    ),
    nodes: all(graph, 1).map((each) => readNode(each.bytes)),
    constants: new Map(all(graph, 5).map((each) => readTensor(each.bytes))),
    input: readDoor(one(graph, 11).bytes),
    output: readDoor(one(graph, 12).bytes),
  };
}

const elementwise = (of: Value, f: (x: number) => number): Value => ({ shape: of.shape, data: of.data.map(f) });

/** Two values of one shape, or broadcasting of a scalar or of [1, c, 1, 1]. */
function binary(a: Value, b: Value, f: (x: number, y: number) => number): Value {
  if (a.shape.join() === b.shape.join()) return { shape: a.shape, data: a.data.map((x, at) => f(x, b.data[at])) };
  const channels = b.shape.length === 4 ? b.shape[1] : 1;
  const inner = a.shape.slice(2).reduce((product, each) => product * each, 1);
  return {
    shape: a.shape,
    data: a.data.map((x, at) => f(x, b.data[channels === 1 ? 0 : Math.floor(at / inner) % channels])),
  };
}

function windows(
  input: Value,
  options: { size: number[]; strides: number[]; pads: number[] },
  visit: (options: {
    batch: number;
    row: number;
    column: number;
    taps: { row: number; column: number; y: number; x: number }[];
  }) => void,
): [number, number] {
  const [batches, , height, width] = input.shape as [number, number, number, number];
  const [top, left, bottom, right] = options.pads as [number, number, number, number];
  const rows = Math.floor((height + top + bottom - options.size[0]) / options.strides[0]) + 1;
  const columns = Math.floor((width + left + right - options.size[1]) / options.strides[1]) + 1;
  for (let batch = 0; batch < batches; batch++)
    for (let row = 0; row < rows; row++)
      for (let column = 0; column < columns; column++) {
        const taps = [];
        for (let y = 0; y < options.size[0]; y++)
          for (let x = 0; x < options.size[1]; x++) {
            const sourceRow = row * options.strides[0] + y - top;
            const sourceColumn = column * options.strides[1] + x - left;
            if (sourceRow >= 0 && sourceRow < height && sourceColumn >= 0 && sourceColumn < width)
              taps.push({ row: sourceRow, column: sourceColumn, y, x });
          }
        visit({ batch, row, column, taps });
      }
  return [rows, columns];
}

function convolve(input: Value, weights: Value, bias: Value, attributes: Attributes): Value {
  const [batches, channels, height, width] = input.shape as [number, number, number, number];
  const [maps, , size] = weights.shape as [number, number, number, number];
  const found: number[][] = [];
  const [rows, columns] = windows(
    input,
    {
      size: attributes["kernel_shape"] as number[],
      strides: attributes["strides"] as number[],
      pads: attributes["pads"] as number[],
    },
    ({ batch, taps }) => {
      found.push(
        Array.from({ length: maps }, (_, map) => {
          let sum = bias.data[map];
          for (let channel = 0; channel < channels; channel++)
            for (const tap of taps)
              sum +=
                input.data[((batch * channels + channel) * height + tap.row) * width + tap.column] *
                weights.data[((map * channels + channel) * size + tap.y) * size + tap.x];
          return sum;
        }),
      );
    },
  );
  const data = new Float64Array(batches * maps * rows * columns);
  for (const [at, sums] of found.entries())
    for (const [map, sum] of sums.entries())
      data[Math.floor(at / (rows * columns)) * maps * rows * columns + map * rows * columns + (at % (rows * columns))] =
        sum;
  return { shape: [batches, maps, rows, columns], data };
}

function pool(input: Value, attributes: Attributes, reduce: (values: number[]) => number): Value {
  const [batches, channels, height, width] = input.shape as [number, number, number, number];
  const data: number[] = [];
  let rows = 0;
  let columns = 0;
  for (let plane = 0; plane < batches * channels; plane++) {
    const single = {
      shape: [1, 1, height, width],
      data: input.data.subarray(plane * height * width, (plane + 1) * height * width),
    };
    [rows, columns] = windows(
      single,
      { size: attributes["kernel_shape"] as number[], strides: attributes["strides"] as number[], pads: [0, 0, 0, 0] },
      ({ taps }) => {
        data.push(reduce(taps.map((tap) => single.data[tap.row * width + tap.column])));
      },
    );
  }
  return { shape: [batches, channels, rows, columns], data: Float64Array.from(data) };
}

function multiply(input: Value, weights: Value, bias: Value): Value {
  const [batches, inputs] = input.shape as [number, number];
  const units = weights.shape[0];
  const data = Float64Array.from({ length: batches * units }, (_, at) => {
    let sum = bias.data[at % units];
    for (let each = 0; each < inputs; each++)
      sum += input.data[Math.floor(at / units) * inputs + each] * weights.data[(at % units) * inputs + each];
    return sum;
  });
  return { shape: [batches, units], data };
}

function softmax(input: Value): Value {
  const units = input.shape[1];
  const data = input.data.map(Math.exp);
  for (let start = 0; start < data.length; start += units) {
    const row = data.subarray(start, start + units);
    const sum = row.reduce((a, b) => a + b, 0);
    for (let at = 0; at < units; at++) row[at] /= sum;
  }
  return { shape: input.shape, data };
}

function batchNormalise(input: Value, parameters: Value[], epsilon: number): Value {
  const [weight, bias, mean, variance] = parameters.map((each) => each.data) as [
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  const inner = input.shape.slice(2).reduce((product, each) => product * each, 1);
  return {
    shape: input.shape,
    data: input.data.map((x, at) => {
      const map = Math.floor(at / inner) % weight.length;
      return ((x - mean[map]) / Math.sqrt(variance[map] + epsilon)) * weight[map] + bias[map];
    }),
  };
}

function runNode(node: OnnxNode, inputs: Value[]): Value {
  const [x, second, third] = inputs as [Value, Value, Value];
  switch (node.operator) {
    case "Conv":
      return convolve(x, second, third, node.attributes);
    case "AveragePool":
      return pool(x, node.attributes, (values) => values.reduce((a, b) => a + b, 0) / values.length);
    case "MaxPool":
      return pool(x, node.attributes, (values) => Math.max(...values));
    case "Gemm":
      return multiply(x, second, third);
    case "Flatten":
      return { shape: [x.shape[0], x.data.length / x.shape[0]], data: x.data };
    case "Reshape":
      return { shape: [...second.data].map((size, at) => (size === 0 ? x.shape[at] : size)), data: x.data };
    case "BatchNormalization":
      return batchNormalise(x, inputs.slice(1), node.attributes["epsilon"] as number);
    case "Mul":
      return binary(x, second, (a, b) => a * b);
    case "Add":
      return binary(x, second, (a, b) => a + b);
    case "Sub":
      return binary(x, second, (a, b) => a - b);
    case "Div":
      return binary(x, second, (a, b) => a / b);
    case "Sigmoid":
      return elementwise(x, (u) => 1 / (1 + Math.exp(-u)));
    case "Tanh":
      return elementwise(x, Math.tanh);
    case "Relu":
      return elementwise(x, (u) => Math.max(u, 0));
    case "LeakyRelu":
      return elementwise(x, (u) => (u < 0 ? u * (node.attributes["alpha"] as number) : u));
    case "Softmax":
      return softmax(x);
    default:
      throw new Error(`operator ${node.operator} is not expected in an export`);
  }
}

/** The output for a batch of inputs. */
export function runOnnx(model: OnnxModel, input: Value): Value {
  const values = new Map(model.constants);
  values.set(model.input.name, input);
  for (const node of model.nodes) {
    const inputs = node.inputs.map((name) => {
      const value = values.get(name);
      if (!value) throw new Error(`${node.operator} reads ${name}, which nothing has made`);
      return value;
    });
    values.set(node.outputs[0], runNode(node, inputs));
  }
  const output = values.get(model.output.name);
  if (!output) throw new Error("nothing makes the output");
  return output;
}
