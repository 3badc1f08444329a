/**
 * Formats what people write here: TypeScript, JSON, YAML and Markdown with oxfmt, C with clang-format, all at 120
 * columns.
 *
 *     npm run format                  writes
 *     npm run check:format            says what is not formatted, and fails
 */
import { spawnSync } from "node:child_process";
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { format as formatC } from "@wasm-fmt/clang-format";
import { format } from "oxfmt";
import { root } from "./install.mjs";

const check = process.argv.includes("--check");
const { ignorePatterns: _, $schema: __, ...options } = JSON.parse(readFileSync(join(root, ".oxfmtrc.json"), "utf8"));
const styleOfC = readFileSync(join(root, ".clang-format"), "utf8");

/**
 * AssemblyScript decorates functions, which TypeScript's grammar forbids: while it is formatted a decorator is a
 * comment.
 */
async function formatAssembly(file, text) {
  const { code, errors } = await format(file, text.replace(/^@inline$/gm, "//@inline"), options);
  if (errors.length > 0) throw new Error(`${file}: ${errors[0].message}`);
  return code.replace(/^\/\/@inline$/gm, "@inline");
}

const filesIn = (folder, ending) =>
  readdirSync(join(root, folder))
    .filter((name) => ending.test(name))
    .map((name) => join(folder, name));

/** Formats one file of those that oxfmt cannot find by itself; true where it stood right. */
async function settle(file, work) {
  const path = join(root, file);
  const text = readFileSync(path, "utf8");
  const formatted = await work(file, text);
  if (formatted === text) return true;
  if (check) console.log(`${file} is not formatted`);
  else writeFileSync(path, formatted);
  return !check;
}

const { status } = spawnSync(
  process.execPath,
  [join("node_modules", "oxfmt", "bin", "oxfmt"), ...(check ? ["--list-different"] : ["--write"])],
  { cwd: root, stdio: "inherit" },
);
const settled = [status === 0];
for (const file of filesIn("engine/kernels/assembly", /\.ts$/)) settled.push(await settle(file, formatAssembly));
for (const folder of ["engine/kernels/native", "bench"])
  for (const file of filesIn(folder, /\.[ch]$/))
    settled.push(await settle(file, (name, text) => formatC(text, name, styleOfC)));
if (settled.includes(false)) {
  console.error(
    check ? "format: `npm run format` mends what is named above" : "format: not everything could be formatted",
  );
  process.exitCode = 1;
}
