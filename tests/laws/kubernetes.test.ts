/** What the manifests say against the service: files that exist, names that fit, settings that are known. */
import { dirname, join, normalize } from "node:path";
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

describe("docker/kubernetes", () => {
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
