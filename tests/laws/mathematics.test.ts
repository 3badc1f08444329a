import { describe, expect, test } from "vitest";
import { callBytes, contract, opcodes, penaltyCodes } from "../../engine/kernels/kernels.ts";
import { createReference } from "../../engine/kernels/reference/reference.ts";
import { fillMix } from "../../engine/initialisers.ts";
import { files, read } from "./tree.ts";

const document = "docs/MATHEMATICS.md";
const cells = (line: string): string[] =>
  line
    .split(/(?<!\\)\|/)
    .slice(1, -1)
    .map((cell) => cell.trim());

interface Row {
  equation: string;
  cite: string;
  files: string[];
}

/** The rows of the tables whose columns name rooms. */
const rows: Row[] = [];
let rooms: string[] = [];
for (const line of read(document).split("\n")) {
  if (!line.startsWith("|")) rooms = [];
  else if (cells(line)[0] === "equation") rooms = cells(line).slice(2);
  else if (rooms.length > 0 && !/^\| ?-/.test(line)) {
    const [equation, cite, ...where] = cells(line);
    rows.push({
      equation: equation,
      cite: cite,
      files: where.flatMap((cell, column) =>
        [...cell.matchAll(/`([^`]+)`/g)].map(([, file]) => `${rooms[column]}/${file}`),
      ),
    });
  }
}

/** The comments of a file. */
const commentsOf = (path: string): string => (read(path).match(/\/\*[\s\S]*?\*\/|\/\/[^\n]*/g) ?? []).join("\n");

describe("docs/MATHEMATICS.md", () => {
  test("has a table for every section of the notes that is implemented", () => {
    expect(new Set(rows.map(({ cite }) => cite))).toEqual(
      new Set(["§2", "(1)", "(2)", "§3.1", "(3)", "§3.2", "§3.3", "§3.3.1", "Ioffe", "Hinton", "He"]),
    );
    expect(rows.length).toBeGreaterThan(15);
  });

  test("names only files that are there", () => {
    expect(
      rows.flatMap(({ equation, files: named }) =>
        named.filter((path) => !files.includes(path)).map((path) => `${equation}: ${path}`),
      ),
    ).toEqual([]);
  });

  test.each([...new Set(rows.flatMap(({ cite, files: named }) => named.map((path) => `${path} ${cite}`)))])(
    "%s is cited there",
    (pair) => {
      const [path, cite] = pair.split(" ") as [string, string];
      expect(files.includes(path) ? commentsOf(path) : "the file is missing").toContain(cite);
    },
  );

  test("names every layer of the engine", () => {
    const layers = files.filter((path) => /^engine\/layers\/[^/]+(?<!\.test)\.ts$/.test(path));
    expect(layers.filter((path) => !rows.some((row) => row.files.includes(path)))).toEqual([]);
  });
});

/** Descends Ω alone with the reference, and says how many inputs are effective after each number of steps asked for. */
function effectiveInputs(penalty: keyof typeof penaltyCodes, steps: readonly number[]): string[] {
  const inputs = 6;
  const memory = new WebAssembly.Memory({ initial: 2, maximum: 2, shared: true });
  const at = { mix: 1024, alpha: 1152, logAlpha: 1280, mixGradient: 1408, strength: 1536, omega: 1600 };
  const row = (address: number): Float64Array => new Float64Array(memory.buffer, address, inputs);
  const program = 2048;
  const words = new Uint32Array(memory.buffer, program, (2 * callBytes) / 4);
  const calls = {
    combinationAlpha: { ...at, maps: 1, inputs },
    combinationPenalty: { ...at, maps: 1, inputs, penalty: penaltyCodes[penalty] },
  };
  for (const [place, [name, values]] of Object.entries(calls).entries()) {
    const kernel = name as keyof typeof calls;
    words.set(
      [opcodes[kernel], ...contract[kernel].map((argument) => (values as Record<string, number>)[argument])],
      (place * callBytes) / 4,
    );
  }
  new Float64Array(memory.buffer, at.strength, 1)[0] = 0.1;
  fillMix({ into: row(at.mix), seed: 1, layer: 0 });
  const kernels = createReference({ buffer: memory.buffer, realBytes: 8 });
  const found: string[] = [];
  for (let step = 0; step <= Math.max(...steps); step++) {
    row(at.mixGradient).fill(0);
    kernels.run(program, 2);
    if (steps.includes(step))
      found.push(Math.exp(-row(at.alpha).reduce((sum, alpha, i) => sum + alpha * row(at.logAlpha)[i], 0)).toFixed(2));
    row(at.mixGradient).forEach((gradient, i) => (row(at.mix)[i] -= gradient));
  }
  return found;
}

describe("what the penalties do, as the document prints it", () => {
  const table = read(document).split("\n");
  const header = table.findIndex((line) => cells(line)[0] === "after steps");
  const steps = cells(table[header]).slice(1).map(Number);
  test.each(["l1", "entropy", "half", "concentration"] as const)("%s", (penalty) => {
    const printed = cells(table.find((line, at) => at > header && cells(line)[0] === `\`${penalty}\``)!).slice(1);
    expect(effectiveInputs(penalty, steps)).toEqual(printed);
  });
});
