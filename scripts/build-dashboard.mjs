/**
 * Bundles web/dashboard into dist/web/dashboard: a page, and its scripts and styles named by their content, each also
 * compressed. Called by scripts/build.mjs.
 *
 *     node scripts/build-dashboard.mjs
 */
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { build } from "vite";
import { root } from "./install.mjs";

const target = join(root, "dist", "web", "dashboard");

await build({
  root: join(root, "web", "dashboard"),
  configFile: false,
  logLevel: "warn",
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    outDir: target,
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // Nothing in these happens by being loaded: what gives a page nothing stays away whole, and zod with it.
    rolldownOptions: { treeshake: { moduleSideEffects: [{ test: /\/(engine|schemas)\//, sideEffects: false }] } },
  },
});

/** Below this a compressed file saves no packet. */
const leastBytes = 1000;
const folder = join(target, "assets");
for (const path of [join(target, "index.html"), ...readdirSync(folder).map((name) => join(folder, name))]) {
  const bytes = readFileSync(path);
  if (bytes.length < leastBytes || !/\.(html|js|css|svg)$/.test(path)) continue;
  writeFileSync(`${path}.gz`, gzipSync(bytes, { level: 9 }));
  const quality = { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY };
  writeFileSync(`${path}.br`, brotliCompressSync(bytes, { params: quality }));
}
