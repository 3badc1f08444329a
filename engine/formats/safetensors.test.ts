import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EngineError } from "../errors.ts";
import { duplicateKey } from "./json.ts";
import { readSafetensors, writeSafetensors, type Tensor } from "./safetensors.ts";

/** A file from a header as given and so many bytes of data. */
function fileOf(header: unknown, data: Uint8Array | number, raw?: string): Uint8Array {
  const text = new TextEncoder().encode(raw ?? JSON.stringify(header));
  const body = typeof data === "number" ? new Uint8Array(data) : data;
  const bytes = new Uint8Array(8 + text.length + body.length);
  new DataView(bytes.buffer).setUint32(0, text.length, true);
  bytes.set(text, 8);
  bytes.set(body, 8 + text.length);
  return bytes;
}
const float = (shape: number[], begin: number, end: number): unknown => ({
  dtype: "F32",
  shape,
  data_offsets: [begin, end],
});

function refusal(bytes: Uint8Array, options?: { maxHeaderBytes: number }): string {
  try {
    readSafetensors(bytes, options);
  } catch (error) {
    if (error instanceof EngineError && error.code === "invalid-file") return error.detail;
    throw error;
  }
  throw new Error("it was read");
}

const data: fc.Arbitrary<Tensor> = fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 3 }).chain((shape) => {
  const length = shape.reduce((product, each) => product * each, 1);
  const exact = { minLength: length, maxLength: length };
  return fc.oneof(
    fc.float32Array(exact).map((values): Tensor => ({ dtype: "F32", shape, data: values })),
    fc.float64Array(exact).map((values): Tensor => ({ dtype: "F64", shape, data: values })),
    fc.int32Array(exact).map((values): Tensor => ({ dtype: "I32", shape, data: values })),
    fc.uint8Array(exact).map((values): Tensor => ({ dtype: "U8", shape, data: values })),
    fc.uint16Array(exact).map((values): Tensor => ({ dtype: "U16", shape, data: values })),
    fc.bigInt64Array(exact).map((values): Tensor => ({ dtype: "I64", shape, data: values })),
  );
});
const name = fc.string({ unit: "binary" }).filter((each) => each !== "__metadata__");
const files = fc.record({
  tensors: fc.array(fc.tuple(name, data), { maxLength: 6 }).map((pairs) => new Map(pairs)),
  metadata: fc.dictionary(name, name, { maxKeys: 3, noNullPrototype: true }),
});

describe("round trip", () => {
  it("returns what was written, whatever the names, shapes and dtypes", () => {
    fc.assert(
      fc.property(files, ({ tensors, metadata }) => {
        const read = readSafetensors(writeSafetensors({ tensors, metadata }));
        expect(read.tensors).toEqual(tensors); // maps compare by key, not by order
        expect(read.metadata).toEqual(metadata);
      }),
      { numRuns: 150 },
    );
  });
  it("does not depend on the order of insertion, aligns every tensor, and pads the header to 8 bytes", () => {
    const one: [string, Tensor] = [
      "layers.0.weight",
      { dtype: "F32", shape: [7, 5], data: new Float32Array(35).fill(0.5) },
    ];
    const two: [string, Tensor] = ["state.step", { dtype: "I64", shape: [], data: new BigInt64Array([12n]) }];
    const three: [string, Tensor] = ["mask", { dtype: "U8", shape: [3], data: new Uint8Array(3) }];
    const bytes = writeSafetensors({ tensors: new Map([one, two, three]), metadata: { b: "2", a: "1" } });
    expect(writeSafetensors({ tensors: new Map([three, two, one]), metadata: { a: "1", b: "2" } })).toEqual(bytes);
    expect(new DataView(bytes.buffer).getUint32(0, true) % 8).toBe(0);
    expect([...readSafetensors(bytes).tensors.keys()]).toEqual(["state.step", "layers.0.weight", "mask"]);
  });
  it("reads from the middle of a larger buffer, and gives copies", () => {
    const bytes = writeSafetensors({
      tensors: new Map([["w", { dtype: "F32", shape: [2], data: new Float32Array([1, 2]) }]]),
    });
    const shifted = new Uint8Array(bytes.length + 3);
    shifted.set(bytes, 3);
    const read = readSafetensors(shifted.subarray(3)).tensors.get("w")!;
    shifted.fill(0);
    expect([...(read.data as Float32Array)]).toEqual([1, 2]);
  });
  it("reads what readFile gives: a Buffer, whose slice would be a view of a shared pool", () => {
    const bytes = Buffer.from(
      writeSafetensors({ tensors: new Map([["w", { dtype: "F32", shape: [2], data: new Float32Array([1, 2]) }]]) }),
    );
    expect(readSafetensors(bytes).tensors.get("w")).toEqual({
      dtype: "F32",
      shape: [2],
      data: new Float32Array([1, 2]),
    });
  });
  it("refuses to write what does not fit together", () => {
    const write =
      (tensor: Tensor, called = "w"): (() => Uint8Array) =>
      () =>
        writeSafetensors({ tensors: new Map([[called, tensor]]) });
    expect(write({ dtype: "F32", shape: [3], data: new Float32Array(2) })).toThrow("[3]");
    expect(write({ dtype: "F64", shape: [2], data: new Float32Array(2) })).toThrow("F64");
    expect(write({ dtype: "F32", shape: [2], data: new Float32Array(2) }, "__metadata__")).toThrow("__metadata__");
  });
});

describe("files of others", () => {
  it("reads half precision as F32 and truth values as U8, at odd addresses too", () => {
    // 1, −2, smallest subnormal, ∞, NaN
    const halves = new Uint8Array(new Uint16Array([0x3c00, 0xc000, 0x0001, 0x7c00, 0x7e00]).buffer);
    const brains = new Uint8Array(new Uint16Array([0x3f80, 0xc020]).buffer);
    const all = new Uint8Array([...halves, 1, ...brains]);
    const read = readSafetensors(
      fileOf(
        {
          h: { dtype: "F16", shape: [5], data_offsets: [0, 10] },
          flag: { dtype: "BOOL", shape: [1], data_offsets: [10, 11] },
          b: { dtype: "BF16", shape: [2, 1], data_offsets: [11, 15] },
        },
        all,
      ),
    ).tensors;
    expect(read.get("h")).toEqual({
      dtype: "F32",
      shape: [5],
      data: new Float32Array([1, -2, 2 ** -24, Infinity, NaN]),
    });
    expect(read.get("b")!.data).toEqual(new Float32Array([1, -2.5]));
    expect(read.get("flag")).toEqual({ dtype: "U8", shape: [1], data: new Uint8Array([1]) });
  });
  it("takes the name __proto__ for a name", () => {
    const read = readSafetensors(fileOf(null, 4, '{"__proto__":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'));
    expect([...read.tensors.keys()]).toEqual(["__proto__"]);
  });
  it("reads an empty file of no tensors", () => expect(readSafetensors(fileOf({}, 0)).tensors.size).toBe(0));
});

describe("refusals", () => {
  const good = { a: float([2], 0, 8), b: float([], 8, 12) };
  it("accepts the case they all start from", () => expect(readSafetensors(fileOf(good, 12)).tensors.size).toBe(2));
  it.each<[string, Uint8Array, string]>([
    ["nothing", new Uint8Array(0), "0 bytes"],
    ["seven bytes", new Uint8Array(7), "7 bytes"],
    ["a header longer than the file", fileOf(good, 0).subarray(0, 40), "cut short"],
    ["a zip file", new Uint8Array([0x50, 0x4b, 3, 4, 20, 0, 0, 0, 8, 0]), "its header claims"],
    ["a header that is not JSON", fileOf(null, 0, "{'a'}"), "not JSON"],
    ["a header that is not UTF-8", new Uint8Array([2, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xfe]), "not JSON"],
    ["a list", fileOf([], 0), "not a JSON object"],
    ["no header", fileOf(null, 0, ""), "not JSON"],
    ["a header that begins with a space", fileOf(null, 0, " {}"), "not a JSON object"],
    [
      "a name twice",
      fileOf(
        null,
        4,
        '{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"\\u0061":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}',
      ),
      '"a" twice',
    ],
    ["overlapping tensors", fileOf({ a: float([2], 0, 8), b: float([2], 4, 12) }, 12), "overlaps"],
    ["a hole", fileOf({ a: float([1], 0, 4), b: float([1], 8, 12) }, 12), "bytes 4 to 8"],
    ["data beyond the end", fileOf({ a: float([4], 0, 16) }, 12), "has 12 bytes"],
    ["offsets the wrong way round", fileOf({ a: float([1], 4, 0) }, 4), "bytes 4 to 0"],
    ["negative offsets", fileOf({ a: float([1], -4, 0) }, 4), "data_offsets"],
    ["a shape that needs more bytes", fileOf({ a: float([3], 0, 8) }, 8), "takes 12 bytes, not the 8"],
    ["a shape whose product overflows", fileOf({ a: float([2 ** 40, 2 ** 40], 0, 8) }, 8), "no sensible shape"],
    ["a fractional size", fileOf({ a: float([0.5], 0, 2) }, 2), "no sensible shape"],
    ["an unknown dtype", fileOf({ a: { dtype: "F8_E4M3", shape: [1], data_offsets: [0, 1] } }, 1), "F8_E4M3"],
    ["a dtype called toString", fileOf({ a: { dtype: "toString", shape: [1], data_offsets: [0, 1] } }, 1), "toString"],
    ["trailing bytes", fileOf(good, 13), "1 bytes after the last tensor"],
    ["bytes but no tensor", fileOf({}, 5), "5 bytes after"],
    ["an unknown field", fileOf({ a: { ...(float([1], 0, 4) as object), stride: 1 } }, 4), '"stride"'],
    ["a tensor that is null", fileOf({ a: null }, 0), "other than an object"],
    ["metadata that is not text", fileOf({ __metadata__: { epoch: 3 } }, 0), "texts only"],
  ])("%s", (_, bytes, sentence) => expect(refusal(bytes)).toContain(sentence));
  it("a header beyond the limit asked for", () =>
    expect(refusal(fileOf(good, 12), { maxHeaderBytes: 20 })).toContain("at most 20"));

  it("never crashes or hangs on a damaged file", () => {
    const whole = writeSafetensors({
      tensors: new Map<string, Tensor>([
        ["layers.0.weight", { dtype: "F32", shape: [2, 3], data: new Float32Array(6) }],
        ["loader.position", { dtype: "I64", shape: [1], data: new BigInt64Array(1) }],
      ]),
      metadata: { format: "checkpoint" },
    });
    const damage = fc.record({
      changes: fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { maxLength: 4 }),
      length: fc.oneof(fc.constant(whole.length), fc.nat(whole.length + 9)),
    });
    const outcome = (bytes: Uint8Array): unknown => {
      try {
        return readSafetensors(bytes);
      } catch (error) {
        return error;
      }
    };
    fc.assert(
      fc.property(damage, ({ changes, length }) => {
        const bytes = new Uint8Array(length);
        bytes.set(whole.subarray(0, length));
        for (const [at, value] of changes) if (at < length) bytes[at] = value;
        expect(outcome(bytes)).toSatisfy((found) => found instanceof EngineError || !(found instanceof Error));
      }),
      { numRuns: 1500 },
    );
  });
});

describe("duplicateKey", () => {
  it("looks at each object by itself, through escapes and nesting", () => {
    expect(duplicateKey('{"a":{"a":1},"b":[{"a":1},{"a":2}],"c":"a\\":\\"a"}')).toBeNull();
    expect(duplicateKey('{"a":{"b":"\\\\","b":2}}')).toBe("b");
  });
});
