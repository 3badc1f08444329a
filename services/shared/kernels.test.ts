import { spawnSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import { createMemory } from "../../engine/index.ts";
import { callWords, opcodes } from "../../engine/kernels/kernels.ts";
import { chooseKernels, everyKernels, KernelsError, loadKernels, nativeLevels, whyNot } from "./kernels.ts";

const bytes = 65_536;
/** Behind the constants of the assembly kernels, which stand at the beginning. */
const [program, input, output] = [32_768, 33_792, 34_816];

/** A memory with one recorded call of `square` over `count` floats. */
function squares(count: number): { memory: WebAssembly.Memory; floats: Float32Array } {
  const memory = createMemory({ bytes });
  new Uint32Array(memory.buffer, program, callWords).set([opcodes.square, input, output, count]);
  const floats = new Float32Array(memory.buffer);
  for (let n = 0; n < count; n++) floats[input / 4 + n] = n + 0.5;
  return { memory, floats };
}

const compilers = [process.env.CC, "cc", "gcc", "clang"].filter((name) => name !== undefined && name !== "");
const hasCompiler =
  compilers.some((name) => spawnSync(name!, ["--version"]).status === 0) && ["x64", "arm64"].includes(process.arch);

describe("the kernels that were built", () => {
  test.each(everyKernels().map((each) => [each.name, each] as const))(
    "%s loads and computes, tail and all",
    (_, description) => {
      for (const count of [0, 1, 7, 8, 9, 37]) {
        const { memory, floats } = squares(count);
        loadKernels(description, memory).run(program, 1);
        expect(Array.from(floats.subarray(output / 4, output / 4 + count + 1))).toEqual([
          ...Array.from({ length: count }, (_unused, n) => (n + 0.5) ** 2),
          0,
        ]);
      }
    },
  );

  test.each(everyKernels().map((each) => [each.name, each] as const))(
    "%s refuses an opcode that is not in the contract",
    (_, description) => {
      const { memory } = squares(1);
      new Uint32Array(memory.buffer)[program / 4] = 9999;
      expect(() => loadKernels(description, memory).run(program, 1)).toThrow(/not in the contract|the contract has/);
    },
  );

  test.runIf(hasCompiler)("hold every native level of this processor, and auto takes the best", () => {
    expect(nativeLevels().length).toBeGreaterThan(0);
    expect(chooseKernels({ wanted: "auto", numerics: "reproducible" })).toMatchObject({
      kind: "native",
      level: nativeLevels()[0],
      fast: false,
      name: `native-${nativeLevels()[0]}`,
    });
    // What was measured once holds for the process.
    expect(nativeLevels()).toEqual(nativeLevels());
    for (const level of nativeLevels())
      expect(chooseKernels({ wanted: `native-${level}`, numerics: "fast" })).toMatchObject({
        kind: "native",
        level,
        fast: true,
      });
  });

  test("a program must lie inside the memory", () => {
    for (const level of nativeLevels()) {
      const kernels = loadKernels(
        chooseKernels({ wanted: `native-${level}`, numerics: "reproducible" }),
        createMemory({ bytes }),
      );
      expect(() => kernels.run(bytes - 64, 1)).toThrow("inside the memory");
      expect(() => kernels.run(2, 1)).toThrow("aligned");
    }
  });

  test("describe themselves in words that cross to a thread", () => {
    for (const description of everyKernels()) {
      expect(structuredClone({ ...description, module: null })).toEqual({ ...description, module: null });
      expect(description.sha256).toMatch(/^[0-9a-f]{64}$/);
    }
  });
});

describe("kernels that are not there", () => {
  test("a level that was built and that the processor lacks is told from one that nobody knows", () => {
    const given = { built: ["x86-64-v4-512", "x86-64-v4", "x86-64-v3"], available: ["auto", "native-x86-64-v3"] };
    expect(whyNot({ ...given, wanted: "native-x86-64-v4-512" })).toBe(
      "KERNELS=native-x86-64-v4-512 needs instructions that this processor lacks; here are auto, native-x86-64-v3.",
    );
    expect(whyNot({ ...given, wanted: "native-x86-64-v9" })).toContain(
      "KERNELS=native-x86-64-v9 is not there; here are",
    );
  });

  test.each(["native-x86-64-v9", "assembly-v2", "fortran", "native:arm-neon-9"])(
    "%s: the error names what is",
    (wanted) => {
      expect(() => chooseKernels({ wanted, numerics: "reproducible" })).toThrow(KernelsError);
      expect(() => chooseKernels({ wanted, numerics: "reproducible" })).toThrow(/here are auto, .*reference/);
    },
  );
});
