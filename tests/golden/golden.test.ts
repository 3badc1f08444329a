/**
 * What PyTorch's autograd computed, replayed through every implementation of the kernels (tests/golden/cases; format in
 * its README).
 */
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { compareGolden, goldenGroups, readSafetensors, runGolden } from "../../engine/index.ts";
import { network } from "../../schemas/network.ts";
import { optimiser } from "../../schemas/optimiser.ts";
import { implementations } from "../../services/shared/implementations.ts";

const cases = new URL("cases/", import.meta.url);
const names = readdirSync(cases, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []));

test("there are cases", () => expect(names.length).toBeGreaterThanOrEqual(6));

describe.each(names)("%s", (name) => {
  const raw = JSON.parse(readFileSync(new URL(`${name}/case.json`, cases), "utf8"));
  const file = readSafetensors(readFileSync(new URL(`${name}/tensors.safetensors`, cases)));
  const given = {
    ...raw,
    network: network.parse(raw.network),
    optimiser: optimiser.parse(raw.optimiser),
    schedule: { kind: "constant" as const, warmup: 0 },
  };

  test.each(implementations())("$name", (implementation) => {
    const errors = compareGolden(runGolden(given, file, implementation), file);
    for (const group of goldenGroups) {
      const limit = implementation.realBytes === 8 ? 1e-9 : group === "parameters" ? 5e-4 : 1e-4;
      expect(errors[group].worst, `${group}: ${errors[group].tensor}`).toBeLessThanOrEqual(limit);
    }
  });
});

describe("a case that cannot be run is refused in a sentence", () => {
  const folder = new URL("online/", cases);
  const raw = JSON.parse(readFileSync(new URL("case.json", folder), "utf8"));
  const given = {
    ...raw,
    network: network.parse(raw.network),
    optimiser: optimiser.parse(raw.optimiser),
    schedule: { kind: "constant" as const, warmup: 0 },
  };
  const changed = (name: string, change: (data: unknown[]) => unknown[]) => {
    const file = readSafetensors(readFileSync(new URL("tensors.safetensors", folder)));
    const tensor = file.tensors.get(name)!;
    tensor.data = Object.getPrototypeOf(tensor.data).constructor.from(
      change(Array.from(tensor.data as ArrayLike<unknown>)),
    );
    return () => runGolden(given, file, implementations()[0]);
  };
  test("too few samples", () => expect(changed("input", (data) => data.slice(1))).toThrow(/'input' has \d+ numbers/));
  test("a label beyond the classes", () =>
    expect(changed("labels", (data) => [99n, ...data.slice(1)])).toThrow(/class 99/));
  test("a field that a case does not have", () => {
    const copy = mkdtempSync(join(tmpdir(), "golden-"));
    try {
      cpSync(folder, copy, { recursive: true });
      writeFileSync(join(copy, "case.json"), JSON.stringify({ ...raw, shuffle: true }));
      const { status, stdout } = spawnSync(
        process.execPath,
        [fileURLToPath(new URL("../../dist/scripts/golden.js", import.meta.url)), copy],
        { encoding: "utf8" },
      );
      expect(stdout).toMatch(
        /case\.json: .*unknown field 'shuffle'; a case has name, network, loss, optimiser, schedule, input, batchSize, steps/,
      );
      expect(status).toBe(1);
    } finally {
      rmSync(copy, { recursive: true });
    }
  });
  test("a weight of another size", () =>
    expect(changed("initial.layers.0.weight", (data) => data.slice(1))).toThrow(/'initial.layers.0.weight' is/));
});
