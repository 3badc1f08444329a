/** GET /v1/models/{id}/exports/bundle: what comes out of the ZIP runs as it is, against onnxruntime. */
import { execFile, execFileSync } from "node:child_process";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startTestApp, type TestApp } from "../support/app.ts";
import { unzip } from "../support/archive.ts";
import { readOnnx } from "../support/onnx-graph.ts";
import {
  askAbout,
  colourModel,
  greyModel,
  importModel,
  residualModel,
  type Importable,
} from "../support/imported-model.ts";

/** Below the packages that the tests compare with, so that the example finds onnxruntime-node as a user's would. */
const peers = fileURLToPath(new URL("../peers/", import.meta.url));
const folder = join(peers, "node_modules", `.bundle-${process.pid}`);

let test: TestApp;
beforeAll(async () => {
  test = await startTestApp();
});
afterAll(async () => {
  await test.stop();
  await rm(folder, { recursive: true, force: true });
});

/** A Python that has what the example needs besides onnxruntime. */
const python = ["python3", "/usr/bin/python3"].find((name) => {
  try {
    execFileSync(name, ["-c", "import numpy, PIL"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
});
if (python === undefined)
  process.stderr.write("\n!!! No Python with numpy and Pillow found: the bundle's predict.py is NOT tested.\n\n");

interface Bundle {
  id: string;
  files: Map<string, Buffer>;
  at: string;
}

async function unpacked(model: Importable): Promise<Bundle> {
  const id = await importModel(test, model);
  const answer = await test.app.inject(`/v1/models/${id}/exports/bundle`);
  expect([answer.statusCode, answer.headers["content-type"]]).toEqual([200, "application/zip"]);
  const files = await unzip(answer.rawPayload);
  const at = join(folder, id);
  await mkdir(at, { recursive: true });
  for (const [name, bytes] of files) await writeFile(join(at, name), bytes);
  return { id, files, at };
}

/** `sample.png <tab> class <tab> probability`, held against the service's own answer. */
async function expectAnswer({ id, files }: Bundle, model: Importable, line: string): Promise<void> {
  const [file, name, share] = line.trim().split("\t");
  const probabilities = await askAbout(test, id, files.get("sample.png") ?? Buffer.alloc(0));
  const best = probabilities.indexOf(Math.max(...probabilities));
  expect(file).toMatch(/sample\.png$/);
  expect(name).toBe(model.classes[best]);
  expect(Number(share)).toBeCloseTo(probabilities[best], 5);
}

it.each([greyModel, colourModel, residualModel])(
  "holds what its README says, and both examples run: $name",
  async (model) => {
    const bundle = await unpacked(model);
    expect([...bundle.files.keys()].sort()).toEqual(
      [
        "README.md",
        "labels.json",
        "model.onnx",
        "network.json",
        "predict.mjs",
        "predict.py",
        "sample.png",
        "weights.safetensors",
      ].sort(),
    );
    expect(JSON.parse(String(bundle.files.get("labels.json")))).toEqual(model.classes);
    const described = JSON.parse(String(bundle.files.get("network.json"))) as Record<string, unknown>;
    const { metadata } = readOnnx(Uint8Array.from(bundle.files.get("model.onnx") ?? []));
    for (const key of ["network", "input", "normalisation", "conversion", "range"])
      expect(JSON.parse(metadata[key])).toEqual(described[key]);
    expect(String(bundle.files.get("README.md"))).toContain(bundle.id);
    // Waited for, not blocked on: the api runs in this process and refuses while its event loop stands still.
    const run = async (command: string, example: string, env: Record<string, string> = {}): Promise<string> =>
      (
        await promisify(execFile)(command, [example, "sample.png"], {
          cwd: bundle.at,
          env: { ...process.env, ...env },
          encoding: "utf8",
        })
      ).stdout;
    await expectAnswer(bundle, model, await run(process.execPath, "predict.mjs"));
    if (python !== undefined) {
      // Behind a real onnxruntime, if Python has one.
      const path = [process.env["PYTHONPATH"], peers].filter(Boolean).join(":");
      const answer = await run(python, "predict.py", { PYTHONPATH: path, PYTHONDONTWRITEBYTECODE: "1" });
      await expectAnswer(bundle, model, answer);
    }
  },
);

it("makes the same bytes each time", async () => {
  const id = await importModel(test, greyModel);
  const [first, second] = await Promise.all([1, 2].map(() => test.app.inject(`/v1/models/${id}/exports/bundle`)));
  expect(first.rawPayload.equals(second.rawPayload)).toBe(true);
});
