/**
 * What the manifests say against the service (files that exist, names that fit, settings that are known), and against
 * the schemas that Kubernetes publishes: kubernetes-types is made of them, and the compiler refuses an object's field
 * that its type does not have, as the API server does when it is asked to be strict.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { environmentSchema } from "../../services/shared/config.ts";
import { files, read } from "./tree.ts";

interface Manifest {
  apiVersion: string;
  kind: string;
  metadata: { name: string };
  [field: string]: unknown;
}

interface Kustomization {
  resources: string[];
  patches?: { target: { kind: string; name: string }; patch: string }[];
}

const folder = "docker/kubernetes";
/** Of others than Kubernetes itself, or of kubectl. */
const foreign = /^(keda\.sh|kustomize\.config\.k8s\.io)\//;

const documents = files
  .filter((path) => path.startsWith(`${folder}/`) && path.endsWith(".yaml"))
  .flatMap((path) => parseAllDocuments(read(path)).map((each) => ({ path, manifest: each.toJS() as Manifest })));
const manifests = documents.filter(({ manifest }) => !foreign.test(manifest.apiVersion));

const modules = fileURLToPath(new URL("../../node_modules/", import.meta.url));

/** A program that says of a manifest that it is of its kind. */
function programOf(manifest: Manifest): string {
  const [version, group = "core"] = manifest.apiVersion.split("/").toReversed();
  const types = join(modules, "kubernetes-types", group.split(".")[0], version);
  const of = JSON.stringify(types);
  return `import type { ${manifest.kind} } from ${of};\nexport const it: ${manifest.kind} = ${JSON.stringify(manifest)};\n`;
}

/** What the compiler says of each. */
function faultsOf(all: readonly Manifest[]): string[][] {
  const folder = mkdtempSync(join(tmpdir(), "manifests-"));
  try {
    const names = all.map((_, at) => `manifest-${at}.ts`);
    for (const [at, name] of names.entries()) writeFileSync(join(folder, name), programOf(all[at]));
    const settings = ["--noEmit", "--strict", "--skipLibCheck", "--pretty", "false", "--module", "esnext"];
    const compiler = join(modules, "typescript", "bin", "tsc");
    let said = "";
    try {
      execFileSync(process.execPath, [compiler, ...settings, "--moduleResolution", "bundler", ...names], {
        cwd: folder,
        encoding: "utf8",
      });
    } catch (error) {
      said = (error as { stdout: string }).stdout;
      if (!said.includes("error TS")) throw error;
    }
    const lines = said.split("\n").filter((line) => line.includes("error TS"));
    const faults = names.map((name) => lines.filter((line) => line.startsWith(`${name}(`)));
    // What is said of no manifest is a fault of this test.
    expect(lines.filter((line) => !faults.flat().includes(line))).toEqual([]);
    return faults;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe("docker/kubernetes", () => {
  test("every manifest is what Kubernetes' schemas say: known fields, right types, nothing missing", () => {
    expect(manifests.length).toBeGreaterThan(10);
    const faults = faultsOf(manifests.map(({ manifest }) => manifest));
    expect(manifests.map(({ path }, at) => [path, faults[at]])).toEqual(manifests.map(({ path }) => [path, []]));
  });

  test("a misspelt field, a wrong type and a missing field are found, however deep", () => {
    const worker = manifests.find(
      ({ manifest }) => manifest.kind === "Deployment" && manifest.metadata.name === "worker",
    );
    const text = JSON.stringify(worker?.manifest);
    const broken = (from: string | RegExp, to: string): Manifest => {
      const changed = text.replace(from, to);
      expect(changed).not.toBe(text);
      return JSON.parse(changed) as Manifest;
    };
    const found = faultsOf([
      broken('"replicas"', '"replica"'),
      broken(/"replicas":\d+/, '"replicas":"3"'),
      broken('"mountPath"', '"mountpath"'),
      broken('"readOnlyRootFilesystem":true', '"readOnlyRootFilesystem":"yes"'),
      broken(/"selector":\{[^{]*\{[^}]*\}\},/, ""),
    ]);
    expect(found.map((said) => said.join("\n"))).toEqual([
      expect.stringContaining(`'"replica"' does not exist`),
      expect.stringContaining("Type 'string' is not assignable to type 'number"),
      expect.stringContaining(`'"mountpath"' does not exist`),
      expect.stringContaining("Type 'string' is not assignable to type 'boolean"),
      expect.stringContaining("Property 'selector' is missing"),
    ]);
  });

  test("kustomizations name files that exist, and every manifest but examples and alternatives is in one", () => {
    const named = documents
      .filter(({ manifest }) => manifest.kind === "Kustomization")
      .flatMap(({ path, manifest }) =>
        (manifest as unknown as Kustomization).resources.map((each) => normalize(join(dirname(path), each))),
      );
    expect(named.filter((path) => path !== folder && !files.includes(path))).toEqual([]);
    const unnamed = manifests.map(({ path }) => path).filter((path) => !named.includes(path));
    expect([...new Set(unnamed)]).toEqual([`${folder}/secrets.example.yaml`]);
  });

  test("patches are of what is there, at places that are there", () => {
    const patches = documents.flatMap(({ manifest }) => (manifest as unknown as Kustomization).patches ?? []);
    expect(patches.length).toBeGreaterThan(0);
    for (const { target, patch } of patches) {
      const meant = manifests.filter(
        ({ manifest }) =>
          manifest.kind === target.kind && new RegExp(`^(${target.name})$`).test(manifest.metadata.name),
      );
      expect([target, meant.length]).toEqual([target, target.name.split("|").length]);
      const [document] = parseAllDocuments(patch);
      const steps = document.toJS() as { path: string; value: unknown }[] | object;
      if (!Array.isArray(steps)) continue;
      for (const { path } of steps as { path: string }[])
        for (const { manifest } of meant) {
          const parent = path.split("/").slice(1, -1);
          const found = parent.reduce<unknown>((at, name) => (at as Record<string, unknown>)[name], manifest);
          expect([path, typeof found]).toEqual([path, "object"]);
        }
    }
  });

  test("settings are known, and secrets that are read are in the example", () => {
    const text = JSON.stringify(manifests.map(({ manifest }) => manifest));
    const set = [...text.matchAll(/"name":"([A-Z][A-Z_]+)"/g)].map(([, name]) => name);
    const known = [...Object.keys(environmentSchema.shape), "REDIS_PASSWORD", "SECRET_OF_REDIS"];
    expect([...new Set(set)].filter((name) => !known.includes(name))).toEqual([]);
    const read = [...text.matchAll(/"secretKeyRef":\{"name":"([^"]+)","key":"([^"]+)"\}/g)].map((each) =>
      each.slice(1),
    );
    const example = manifests
      .filter(({ manifest }) => manifest.kind === "Secret")
      .map(({ manifest }) => [manifest.metadata.name, Object.keys(manifest["stringData"] as object)] as const);
    expect(read.length).toBeGreaterThan(0);
    for (const [secret, key] of read)
      expect(example).toContainEqual([secret, expect.arrayContaining([key]) as string[]]);
  });
});
