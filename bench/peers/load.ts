/**
 * Loads a package of bench/package.json: the bench is built into dist/, where the resolution of modules would not find
 * it.
 */
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "..");
const required = createRequire(join(root, "bench", "package.json"));

/** The module, as the few members of it that a peer needs. */
export const load = <Module>(name: string): Module => required(name) as Module;
export const versionOf = (name: string): string => load<{ version: string }>(`${name}/package.json`).version;
export const folderOf = (name: string): string => dirname(required.resolve(`${name}/package.json`));
