/**
 * The AssemblyScript's table of opcodes, read as text beside the contract: AssemblyScript cannot import TypeScript, so
 * this keeps them one.
 */
import { readFileSync, readdirSync } from "node:fs";
import { expect, test } from "vitest";
import { callBytes, contract, kernelNames } from "../../engine/kernels/kernels.ts";

const folder = new URL("../../engine/kernels/assembly/", import.meta.url);
const sources = readdirSync(folder)
  .filter((file) => file.endsWith(".ts"))
  .map((file) => readFileSync(new URL(file, folder), "utf8"));
/** As on one line, however it was broken. */
const run = readFileSync(new URL("run.ts", folder), "utf8")
  .replace(/\s+/g, " ")
  .replace(/\( /g, "(")
  .replace(/,? \)/g, ")");

test("the cases of run.ts are the contract's kernels, in its order, with its arguments in the order of the words", () => {
  const cases = [...run.matchAll(/ case (\d+): (\w+)\(([^;]*?)\); return true;/g)].map(([, opcode, name, words]) => ({
    opcode: Number(opcode),
    name,
    words,
  }));
  expect(cases).toEqual(
    kernelNames.map((name, opcode) => ({
      opcode,
      name,
      words: contract[name].map((_argument, n) => `word(at, ${n + 1})`).join(", "),
    })),
  );
  expect(run).toContain(`const callBytes: usize = ${callBytes};`);
});

test.each(kernelNames)("%s takes its arguments under the contract's names", (name) => {
  const found = sources.flatMap((source) =>
    [...source.matchAll(new RegExp(`^export function ${name}\\(([^)]*)\\)`, "gm"))].map(([, parameters]) => parameters),
  );
  expect(
    found.map((parameters) =>
      parameters
        .replace(/,\s*$/, "")
        .split(",")
        .map((parameter) => parameter.split(":")[0].trim()),
    ),
  ).toEqual([[...contract[name]]]);
});
