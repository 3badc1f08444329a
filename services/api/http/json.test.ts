import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readJson } from "./json.ts";
import { NumberList } from "./number-list.ts";

const read = (text: string, listsAt?: readonly string[]): unknown => readJson(Buffer.from(text), listsAt);
const refusal = (text: string): unknown => {
  try {
    return { read: read(text) };
  } catch (error) {
    return error;
  }
};
const parsed = (text: string): { value: unknown } | null => {
  try {
    return { value: JSON.parse(text) };
  } catch {
    return null;
  }
};

describe("readJson", () => {
  it("reads what JSON.parse reads", () => {
    const spaced = fc.tuple(fc.jsonValue(), fc.constantFrom(undefined, 1, "\t"));
    fc.assert(
      fc.property(spaced, ([value, space]) => {
        const text = JSON.stringify(value, null, space);
        fc.pre(!text.includes("__proto__"));
        expect(read(text)).toEqual(JSON.parse(text));
      }),
    );
  });
  it("refuses what JSON.parse refuses, and takes nothing else for JSON", () => {
    const broken = fc.tuple(
      fc.jsonValue({ maxDepth: 3 }),
      fc.nat(),
      fc.nat(2),
      fc.constantFrom("", ",", "]", "}", '"', "\\", "0", "-", ".", "e", "t", ":", " ", "\u0001", "é", "[", "{"),
    );
    fc.assert(
      fc.property(broken, ([value, place, length, put]) => {
        const whole = JSON.stringify(value);
        const from = place % (whole.length + 1);
        const text = whole.slice(0, from) + put + whole.slice(from + length);
        fc.pre(!text.includes("__proto__"));
        const wanted = parsed(text);
        const found = refusal(text);
        // What stands twice is found before what is broken behind it.
        if (found instanceof Error && /stands twice/.test(found.message)) return;
        if (wanted === null) expect(found).toMatchObject({ code: "malformed-body" });
        else expect(found).toEqual({ read: wanted.value });
      }),
      { numRuns: 2000 },
    );
  });
  it.each([
    ['{"a":{"b":1,"b":2}}', "invalid-request", "/a/b"],
    ['{"a":[0,{"c/d":1,"c\\u002fd":2}]}', "invalid-request", "/a/1/c~1d"],
    [`${"[".repeat(65)}${"]".repeat(65)}`, "invalid-request", "/0".repeat(64)],
  ])("says where %s is wrong", (text, code, pointer) => {
    expect(refusal(text)).toMatchObject({ code, errors: [{ pointer }] });
  });
  it("takes sixty-four lists in lists, and a mark of byte order", () => {
    expect(read(`\ufeff${"[".repeat(64)}${"]".repeat(64)}`)).toEqual(JSON.parse("[".repeat(64) + "]".repeat(64)));
  });
  it.each(['{"__proto__":1}', '{"a":[{"\\u005f_proto__":{}}]}', '{"constructor":{"prototype":{}}}'])(
    "refuses %s",
    (text) => expect(refusal(text)).toMatchObject({ code: "malformed-body", message: /__proto__/ }),
  );
  it("lets a constructor of another kind be", () => {
    expect(read('{"constructor":"Bouvrie","prototype":1}')).toEqual({ constructor: "Bouvrie", prototype: 1 });
  });
  it("refuses more values than anybody needs", () => {
    expect(refusal(`[${"{},".repeat(1_000_000)}{}]`)).toMatchObject({ code: "payload-too-large" });
  });
});

describe("lists of numbers", () => {
  const at = ["instances", "*"];
  const spelled = fc.oneof(
    fc.nat(255).map(String),
    fc.integer().map(String),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
    fc.float({ noNaN: true, noDefaultInfinity: true }).map(String),
    fc
      .tuple(fc.integer(), fc.bigInt({ min: 0n }), fc.integer({ min: -40, max: 40 }))
      .map(([whole, part, power]) => `${whole}.${part}e${power}`),
    fc.constantFrom(
      "-0",
      "0.1",
      "1e5",
      "1E+2",
      "3.4028235677973366e38",
      "16777217",
      "0.000000000000000000000000000000000000001",
    ),
  );
  const lists = fc
    .integer({ min: 1, max: 5 })
    .chain((length) =>
      fc.array(fc.array(spelled, { minLength: length, maxLength: length }), { minLength: 1, maxLength: 7 }),
    );
  it("are read as Math.fround reads them, whatever their spelling and spaces", () => {
    fc.assert(
      fc.property(lists, fc.constantFrom("", " ", "\n\t"), (rows, space) => {
        const inner = rows.map((row) => `[${space}${row.join(`${space},${space}`)}${space}]`).join(`${space},`);
        const text = `{"instances":[[${inner}]]}`;
        const [found] = (read(text, at) as { instances: unknown[] }).instances;
        expect(found).toBeInstanceOf(NumberList);
        const { values, lengths } = found as NumberList;
        expect(lengths).toEqual([rows.length, rows[0].length]);
        expect([...values]).toEqual((JSON.parse(`[${rows.flat().join()}]`) as number[]).map(Math.fround));
      }),
      { numRuns: 2000 },
    );
  });
  it("grow beyond what was thought of", () => {
    const many = Array.from({ length: 40_000 }, (_, index) => index / 7);
    const { instances } = read(JSON.stringify({ instances: [many] }), at) as { instances: [NumberList] };
    expect([...instances[0].values]).toEqual(many.map(Math.fround));
  });
  it.each(["[1,null]", "[[1],2]", "[[1,2],[3]]", "[]", "[1,1e999]", '["1"]', "[[1],[]]"])(
    "stay plain where they are anything else: %s",
    (list) => expect(read(`{"instances":[${list}]}`, at)).toEqual({ instances: [JSON.parse(list)] }),
  );
  it.each(["[1,]", "[01]", "[1.]", "[-]", "[1e]", "[.5]", "[+1]", "[1 2]", "[1"])(
    "do not hide what is no JSON: %s",
    (list) => {
      expect(() => read(`{"instances":[${list}]}`, at)).toThrow(/not valid JSON/);
    },
  );
  it("are plain everywhere else", () => {
    expect(read('{"other":[[1,2]],"instances":[1,[2]]}', at)).toEqual({
      other: [[1, 2]],
      instances: [1, new NumberList(Float32Array.of(2), [1], true)],
    });
  });
});
