/**
 * The contract of the kernels (engine/kernels/kernels.ts, as tsc wrote it) in the languages of its implementations: a
 * record of arguments and a case for each kernel, and every code, so that no number is written down a second time.
 */
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { root } from "../install.mjs";

const contract = await import(pathToFileURL(join(root, "dist", "engine", "kernels", "kernels.js")).href);
const { kernelNames, opcodes, scaledTanh } = contract;

const tables = {
  Activation: contract.activationCodes,
  Reduce: contract.reduceCodes,
  Penalty: contract.penaltyCodes,
  Loss: contract.lossCodes,
  Dtype: contract.dtypeCodes,
};
const numbers = {
  callBytes: contract.callBytes,
  gateSquared: contract.gateSquared,
  headerCount: contract.headerCount,
  headerRows: contract.headerRows,
  headerSamples: contract.headerSamples,
  headerResults: contract.headerResults,
};
const reals = { leakySlope: contract.leakySlope, scaledTanhA: scaledTanh.A, scaledTanhS: scaledTanh.S };

const upperCase = (name) => name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
const camelCase = (name) => name.replace(/-(\w)/g, (_, letter) => letter.toUpperCase());
/** denseForward → DenseForwardCall. */
const recordOf = (kernel) => `${kernel[0].toUpperCase()}${kernel.slice(1)}Call`;

/** contract.h: a struct a kernel by the kernel's name, OPCODE_…, the codes (ACTIVATION_tanh), EACH_KERNEL. */
export function contractForC() {
  const codes = Object.entries(tables).flatMap(([table, entries]) =>
    Object.entries(entries).map(
      ([name, code]) => `#define ${table.toUpperCase()}_${name.replaceAll("-", "_")} ${code}`,
    ),
  );
  return [
    "/* Generated from engine/kernels/kernels.ts. */",
    "#ifndef CONTRACT_H",
    "#define CONTRACT_H",
    "#include <stdint.h>",
    ...Object.entries(numbers).map(([name, value]) => `#define ${upperCase(name)} ${value}`),
    ...Object.entries(reals).map(([name, value]) => `#define ${upperCase(name)} ((float)${value})`),
    `#define SCALED_TANH_B ((float)(1.0 / ${scaledTanh.A}))`,
    ...codes,
    ...kernelNames.map((name) => `#define OPCODE_${name} ${opcodes[name]}`),
    ...kernelNames.map((name) => `struct ${name} { uint32_t opcode, ${contract.contract[name].join(", ")}; };`),
    `#define EACH_KERNEL(X) ${kernelNames.map((name) => `X(${name})`).join(" ")}`,
    "#endif",
    "",
  ].join("\n");
}

/** The assembly's contract.ts: a record a kernel (ClearCall …), the codes as enums (Activation.tanh), the numbers. */
export function contractForAssembly() {
  const enums = Object.entries(tables).map(
    ([table, entries]) =>
      `export const enum ${table} { ${Object.entries(entries)
        .map(([name, code]) => `${camelCase(name)} = ${code}`)
        .join(", ")} }`,
  );
  const records = kernelNames.map((name) => {
    const fields = contract.contract[name].map(
      (argument) => `${argument}: ${contract.addressArguments.has(argument) ? "usize" : "u32"};`,
    );
    return `@unmanaged export class ${recordOf(name)} { opcode: u32; ${fields.join(" ")} }`;
  });
  return [
    "/** Generated from engine/kernels/kernels.ts. */",
    ...Object.entries(numbers).map(([name, value]) => `export const ${name}: u32 = ${value};`),
    ...Object.entries(reals).map(([name, value]) => `export const ${name}: f32 = <f32>${value};`),
    `export const scaledTanhB: f32 = <f32>(<f64>1.0 / <f64>${scaledTanh.A});`,
    ...enums,
    ...records,
    "",
  ].join("\n");
}

/**
 * The assembly's dispatch.ts: `dispatch(at)` runs the call recorded at byte address `at`; false where its opcode is not
 * in the contract. `sources`: file name → text, of all files that export kernels. Throws an Error where a kernel has
 * not exactly one `export function name(call: NameCall)`.
 */
export function dispatchForAssembly(sources) {
  const imports = kernelNames.map((name) => {
    const opening = `export function ${name}(call: ${recordOf(name)})`;
    const files = Object.keys(sources).filter((file) => sources[file].includes(opening));
    if (files.length !== 1)
      throw new Error(`'${opening}' must stand in one file of engine/kernels/assembly; it stands in ${files.length}`);
    return `import { ${name} } from "./${files[0].replace(/\.ts$/, "")}";`;
  });
  const cases = kernelNames.map(
    (name) => `case ${opcodes[name]}: ${name}(changetype<${recordOf(name)}>(at)); return true;`,
  );
  return [
    "/** Generated from engine/kernels/kernels.ts. */",
    ...imports,
    `import { ${kernelNames.map(recordOf).join(", ")} } from "./contract";`,
    `export function dispatch(at: usize): bool { switch (load<u32>(at)) { ${cases.join("\n")} default: return false; } }`,
    "",
  ].join("\n");
}
