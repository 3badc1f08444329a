import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { createMemory, type NativeAddon } from "../../engine/index.ts";
import { callWords, opcodes } from "../../engine/kernels/kernels.ts";
import { built } from "./built.ts";
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

describe.runIf(hasCompiler && process.arch === "x64")("the choice between two widths of vectors", () => {
  type Round = [widerForward: number, widerGradient: number, narrowerForward: number, narrowerGradient: number];
  const judge = (rounds: Round[]): string => {
    const addon = createRequire(import.meta.url)(
      fileURLToPath(built("engine/kernels/native/kernels.node")),
    ) as NativeAddon;
    return addon.judgeWidths!(Float64Array.from(rounds.flat(), (microseconds) => microseconds * 1e-6));
  };
  const rounds = (count: number, round: Round): Round[] => new Array<Round>(count).fill(round);

  test("takes the wider ones where they win clearly, the narrower ones where they lose, after six rounds", () => {
    expect(judge(rounds(5, [30, 20, 54, 38]))).toBe("undecided");
    expect(judge(rounds(6, [30, 20, 54, 38]))).toBe("wider");
    expect(judge(rounds(5, [57, 76, 54, 54]))).toBe("undecided");
    expect(judge(rounds(6, [57, 76, 54, 54]))).toBe("narrower");
  });

  test("asks for more rounds where it is close, and keeps the narrower ones unless the others win by 15 %", () => {
    expect(judge(rounds(23, [90, 90, 100, 100]))).toBe("undecided");
    expect(judge(rounds(24, [90, 90, 100, 100]))).toBe("narrower");
    expect(judge(rounds(23, [80, 80, 100, 100]))).toBe("undecided");
    expect(judge(rounds(24, [80, 80, 100, 100]))).toBe("wider");
  });

  // Read on a processor that does 512 bits in two halves while others used the same core: sixteen floats were chosen.
  test("lets rounds that something else disturbed not decide", () => {
    const disturbed: Round[] = [173, 155, 150, 147, 146, 156, 151].map((wider, n) => {
      const narrower = [194, 163, 177, 208, 179, 177, 167][n];
      return [wider * 0.43, wider * 0.57, narrower * 0.5, narrower * 0.5];
    });
    expect(judge(disturbed)).toBe("undecided");
    expect(judge([...disturbed, ...rounds(17, disturbed[0])])).toBe("narrower");
    // One round that nothing disturbed is enough.
    expect(judge([...disturbed, [57, 76, 54, 54]])).toBe("narrower");
  });

  test("counts each kernel with its own best round", () => {
    const half: Round[] = [
      [30, 90, 54, 99],
      [90, 20, 99, 38],
    ];
    expect(judge([...half, ...half, ...half])).toBe("wider");
  });

  test("refuses what is not four times for each round", () => {
    expect(() => judge([[1, 2, 3] as unknown as Round])).toThrow("four times for each round");
  });
});
