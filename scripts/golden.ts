/**
 * `npm run golden -- [--out DIR] FOLDER…` runs golden cases (a folder holds case.json and tensors.safetensors; a folder
 * of such folders will do) through every implementation of the kernels, prints the worst relative errors, with --out
 * writes NAME.IMPLEMENTATION.safetensors, and exits 1 beyond tolerance or where a case cannot be read or run: that is
 * said in a sentence, and the other cases go on.
 */
import { existsSync } from "node:fs";
import { mkdir, readFile, readdir, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { z } from "zod";
import { compareGolden, goldenGroups, readSafetensors, runGolden, writeSafetensors } from "../engine/index.ts";
import type { GoldenCase, GoldenGroup, Implementation, TensorFile } from "../engine/index.ts";
import { loss, network } from "../schemas/network.ts";
import { optimiser, schedule } from "../schemas/optimiser.ts";
import { shape } from "../schemas/shape-schema.ts";
import { implementations } from "../services/shared/implementations.ts";

const fields = {
  name: z.string().regex(/^[^/\\]+$/, "a name of files: no slashes"),
  ...{ network, loss, optimiser, schedule: schedule.default({ kind: "constant", warmup: 0 }) },
  input: shape,
  batchSize: z.int().min(1),
  steps: z.int().min(1),
};
/** A field that is not known would be left out of what is compared without a word. */
const goldenCase = z.strictObject(fields, {
  error: (issue) =>
    issue.code === "unrecognized_keys"
      ? `unknown field ${issue.keys.map((key) => `'${key}'`).join(", ")}; a case has ${Object.keys(fields).join(", ")}`
      : undefined,
});

/** By bytes of a real: float64 reference, then everything in float32. */
const tolerances: Record<8 | 4, Record<GoldenGroup, number>> = {
  8: { outputs: 1e-9, losses: 1e-9, gradients: 1e-9, parameters: 1e-9 },
  4: { outputs: 1e-4, losses: 1e-4, gradients: 1e-4, parameters: 5e-4 },
};

const isCase = (folder: string): boolean => existsSync(join(folder, "case.json"));

/** The folders with a case.json: the given one, or those inside it. Throws where there is none. */
async function caseFolders(given: string): Promise<string[]> {
  if (!existsSync(given)) throw new Error("there is no such folder");
  const found = isCase(given)
    ? [given]
    : (await readdir(given))
        .toSorted()
        .map((name) => join(given, name))
        .filter(isCase);
  if (found.length === 0) throw new Error("no case.json here, nor in the folders in it");
  return found;
}

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error("case.json is not JSON");
  }
};

async function readCase(folder: string): Promise<{ given: GoldenCase; file: TensorFile }> {
  const read = goldenCase.safeParse(parsed(await readFile(join(folder, "case.json"), "utf8")));
  if (!read.success) throw new Error(`case.json: ${z.prettifyError(read.error)}`);
  const tensors = join(folder, "tensors.safetensors");
  if (!existsSync(tensors)) throw new Error("tensors.safetensors is missing");
  return { given: read.data, file: readSafetensors(await readFile(tensors)) };
}

const sentence = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Prints a line for one implementation; true when all that the case has is within tolerance. */
function report(name: string, implementation: Implementation, errors: ReturnType<typeof compareGolden>): boolean {
  const limit = tolerances[implementation.realBytes];
  const beyond = goldenGroups.filter((group) => errors[group].tensor !== "" && !(errors[group].worst <= limit[group]));
  const cells = goldenGroups.map((group) =>
    `${errors[group].tensor === "" ? "not given" : errors[group].worst.toExponential(1)}${beyond.includes(group) ? "!" : " "}`.padStart(
      12,
    ),
  );
  console.log(
    `${name.padEnd(34)}${implementation.name.padEnd(26)}${cells.join("")}${beyond.map((group) => `  ${errors[group].tensor}`).join("")}`,
  );
  return beyond.length === 0;
}

/** Runs a case through one implementation; false where it cannot be run or is beyond tolerance. */
async function runCase(
  { given, file }: { given: GoldenCase; file: TensorFile },
  implementation: Implementation,
  out: string | undefined,
): Promise<boolean> {
  try {
    const found = runGolden(given, file, implementation);
    if (out)
      await writeFile(
        join(out, `${given.name}.${implementation.name}.safetensors`),
        writeSafetensors({ tensors: found }),
      );
    return report(given.name, implementation, compareGolden(found, file));
  } catch (error) {
    console.log(`${given.name.padEnd(34)}${implementation.name.padEnd(26)}  ${sentence(error)}`);
    return false;
  }
}

/** Says what went wrong with a folder; false. */
function refused(folder: string, error: unknown): false {
  console.log(`${folder}: ${sentence(error)}`);
  return false;
}

async function runFolder(folder: string, out: string | undefined): Promise<boolean> {
  try {
    const read = await readCase(folder);
    let good = true;
    for (const implementation of implementations()) good = (await runCase(read, implementation, out)) && good;
    return good;
  } catch (error) {
    return refused(folder, error);
  }
}

async function run(given: readonly string[], out: string | undefined): Promise<boolean> {
  if (out) await mkdir(out, { recursive: true });
  console.log(
    `${"case".padEnd(34)}${"implementation".padEnd(26)}${goldenGroups.map((group) => group.padStart(11)).join(" ")}`,
  );
  let good = true;
  for (const each of given) {
    const folders = await caseFolders(each).catch((error: unknown) => refused(each, error));
    if (!folders) good = false;
    else for (const folder of folders) good = (await runFolder(folder, out)) && good;
  }
  return good;
}

async function main(): Promise<number> {
  try {
    const { values, positionals } = parseArgs({ options: { out: { type: "string" } }, allowPositionals: true });
    if (positionals.length > 0)
      return (await run(
        positionals.map((folder) => resolve(folder)),
        values.out,
      ))
        ? 0
        : 1;
    console.error(
      "usage: npm run golden -- [--out DIR] FOLDER…   (a FOLDER holds case.json and tensors.safetensors, or folders that do)",
    );
  } catch (error) {
    console.error(sentence(error));
  }
  return 2;
}

process.exitCode = await main();
