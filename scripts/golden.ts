/**
 * `npm run golden -- [--out DIR] FOLDER…` runs golden cases (a folder holds case.json and tensors.safetensors; a folder of such folders will do) through every
 * implementation of the kernels, prints the worst relative errors, with --out writes NAME.IMPLEMENTATION.safetensors, and exits 1 beyond tolerance.
 */
import { existsSync } from "node:fs";
import { mkdir, readFile, readdir, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { z } from "zod";
import { compareGolden, goldenGroups, readSafetensors, runGolden, writeSafetensors } from "../engine/index.ts";
import type { GoldenCase, GoldenGroup, Implementation } from "../engine/index.ts";
import { loss, network } from "../schemas/network.ts";
import { optimiser } from "../schemas/optimiser.ts";
import { shape } from "../schemas/shape.ts";
import { implementations } from "../services/shared/implementations.ts";

const goldenCase = z.object({ name: z.string(), network, loss, optimiser, input: shape, batchSize: z.int().min(1), steps: z.int().min(1) });

/** By bytes of a real: float64 reference, then everything in float32. */
const tolerances: Record<8 | 4, Record<GoldenGroup, number>> = {
  8: { outputs: 1e-9, losses: 1e-9, gradients: 1e-9, parameters: 1e-9 },
  4: { outputs: 1e-4, losses: 1e-4, gradients: 1e-4, parameters: 5e-4 },
};

const isCase = (folder: string): boolean => existsSync(join(folder, "case.json"));

/** The folders with a case.json: those given, or those inside them. */
async function caseFolders(given: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const folder of given) {
    if (isCase(folder)) found.push(folder);
    else found.push(...(await readdir(folder)).toSorted().map((name) => join(folder, name)).filter(isCase));
  }
  return found;
}

async function readCase(folder: string): Promise<{ given: GoldenCase; bytes: Uint8Array }> {
  const parsed = goldenCase.safeParse(JSON.parse(await readFile(join(folder, "case.json"), "utf8")));
  if (!parsed.success) throw new Error(`${folder}/case.json: ${z.prettifyError(parsed.error)}`);
  return { given: parsed.data, bytes: await readFile(join(folder, "tensors.safetensors")) };
}

/** Prints a line for one implementation; true when all is within tolerance. */
function report(name: string, implementation: Implementation, errors: ReturnType<typeof compareGolden>): boolean {
  const limit = tolerances[implementation.realBytes];
  const cells = goldenGroups.map((group) => `${errors[group].worst.toExponential(1)}${errors[group].worst <= limit[group] ? " " : "!"}`.padStart(12));
  const beyond = goldenGroups.filter((group) => !(errors[group].worst <= limit[group]));
  console.log(`${name.padEnd(34)}${implementation.name.padEnd(26)}${cells.join("")}${beyond.map((group) => `  ${errors[group].tensor}`).join("")}`);
  return beyond.length === 0;
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({ options: { out: { type: "string" } }, allowPositionals: true });
  const folders = await caseFolders(positionals.map((folder) => resolve(folder)));
  if (folders.length === 0) {
    console.error("usage: npm run golden -- [--out DIR] FOLDER…   (a FOLDER holds case.json and tensors.safetensors, or folders that do)");
    return 2;
  }
  if (values.out) await mkdir(values.out, { recursive: true });
  console.log(`${"case".padEnd(34)}${"implementation".padEnd(26)}${goldenGroups.map((group) => group.padStart(11)).join(" ")}`);
  let good = true;
  for (const folder of folders) {
    const { given, bytes } = await readCase(folder);
    const file = readSafetensors(bytes);
    for (const implementation of implementations()) {
      try {
        const found = runGolden(given, file, implementation);
        if (values.out) await writeFile(join(values.out, `${given.name}.${implementation.name}.safetensors`), writeSafetensors({ tensors: found }));
        good = report(given.name, implementation, compareGolden(found, file)) && good;
      } catch (error) {
        good = false;
        console.log(`${given.name.padEnd(34)}${implementation.name.padEnd(26)}  ${error instanceof Error ? error.message : String(error)}`);
      }
    }
  }
  return good ? 0 : 1;
}

process.exitCode = await main();
