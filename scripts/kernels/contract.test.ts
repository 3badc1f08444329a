import { readFileSync, readdirSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { kernelNames } from "../../engine/kernels/kernels.ts";
import { dispatchForAssembly } from "./contract.mjs";

const folder = new URL("../../engine/kernels/assembly/", import.meta.url);
const sources = Object.fromEntries(
  readdirSync(folder).map((file) => [file, readFileSync(new URL(file, folder), "utf8")] as const),
);

describe("the assembly's dispatch", () => {
  test("has a case for each kernel of the contract, in its order", () => {
    const cases = [...dispatchForAssembly(sources).matchAll(/case (\d+): (\w+)\(/g)];
    expect(cases.map(([, opcode, name]) => [Number(opcode), name])).toEqual(
      kernelNames.map((name, opcode) => [opcode, name]),
    );
  });

  test("is not made where no file exports a kernel, or two do", () => {
    const { "dropout.ts": dropout, ...others } = sources;
    expect(() => dispatchForAssembly(others)).toThrow(/'export function dropoutForward\(.*it stands in 0/);
    expect(() => dispatchForAssembly({ ...sources, "copy.ts": dropout })).toThrow(/dropoutForward.*it stands in 2/);
  });
});
