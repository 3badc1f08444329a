/**
 * Bundles web/export into one HTML file, dist/web/export.html: styles, script and kernels stand inside it, and the
 * place of the model is left open for the api to fill. Called by scripts/build.mjs after the kernels.
 *
 *     node scripts/build-pages.mjs
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "vite";
import { root } from "./install.mjs";

const source = join(root, "web", "export");
const read = (...path) => readFileSync(join(...path), "utf8");

const kernels = readFileSync(join(root, "dist", "engine", "kernels", "assembly", "kernels-alone.wasm"));

const { output } = await build({
  root,
  configFile: false,
  logLevel: "warn",
  build: {
    write: false,
    target: "es2022",
    modulePreload: false,
    rolldownOptions: {
      input: join(source, "page.ts"),
      // Schemas are checked in the service; the page takes from their files plain functions alone.
      treeshake: { moduleSideEffects: false, manualPureFunctions: ["z"] },
    },
  },
});
const script = output.find(({ type, isEntry }) => type === "chunk" && isEntry).code;
// "</script" inside the script would end it early.
const page = read(source, "page.html")
  .replace("/*STYLE*/", () => read(source, "page.css").trim())
  .replace("/*KERNELS*/", () => kernels.toString("base64"))
  .replace("/*SCRIPT*/", () => script.trim().replaceAll("</script", "<\\/script"));
mkdirSync(join(root, "dist", "web"), { recursive: true });
writeFileSync(join(root, "dist", "web", "export.html"), page);
