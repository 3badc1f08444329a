/**
 * The client as a package that can be published: dist/package, one module of JavaScript, its declarations, README and
 * licence. Reads dist/, as scripts/build.mjs leaves it.
 *
 *     npm run client        builds it and packs it: dist/feature-maps-client-VERSION.tgz
 */
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { build } from "vite";
import { root } from "./install.mjs";
import { prepare } from "./prepare.mjs";

await prepare();
const { printTypes } = await import("../dist/scripts/client/declarations.js");
const { problemCodes } = await import("../dist/schemas/problem.js");
const folder = join(root, "dist", "package");
rmSync(folder, { recursive: true, force: true });
const write = (path, text) => {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), text);
};

await build({
  root,
  configFile: false,
  logLevel: "warn",
  build: {
    outDir: folder,
    target: "es2022",
    minify: true,
    lib: { entry: join(root, "client", "index.ts"), formats: ["es"], fileName: () => "index.js" },
  },
});

const emitted = join(root, "dist", "package-types");
const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
const emit = ["--noEmit", "false", "--emitDeclarationOnly", "--declaration", "--sourceMap", "false"];
execFileSync(process.execPath, [tsc, "-p", "client", ...emit, "--outDir", emitted], { cwd: root, stdio: "inherit" });
for (const path of readdirSync(join(emitted, "client"), { recursive: true }).filter((each) => each.endsWith(".d.ts"))) {
  // Declarations name the modules beside them as they are called once they are compiled.
  const text = readFileSync(join(emitted, "client", path), "utf8").replaceAll(/(from ")(\.[^"]+)\.ts"/g, '$1$2.js"');
  write(join("types", path), text);
}
rmSync(emitted, { recursive: true });
write("types/types.d.ts", await printTypes(`${root}/`, Object.keys(problemCodes)));

const { version, license, engines } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
write(
  "package.json",
  `${JSON.stringify(
    {
      name: "feature-maps-client",
      version,
      description: "The client of feature-maps, a training service for convolutional networks over HTTP",
      license,
      type: "module",
      engines,
      sideEffects: false,
      exports: { ".": { types: "./types/index.d.ts", default: "./index.js" }, "./package.json": "./package.json" },
      files: ["index.js", "types"],
    },
    null,
    2,
  )}\n`,
);
copyFileSync(join(root, "LICENSE"), join(folder, "LICENSE"));
copyFileSync(join(root, "client", "README.md"), join(folder, "README.md"));
execFileSync("npm", ["pack", "--silent", "--pack-destination", join(root, "dist")], { cwd: folder, stdio: "inherit" });
