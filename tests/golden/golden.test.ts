/** What PyTorch's autograd computed, replayed through every implementation of the kernels (tests/golden/cases; format in its README). */
import { readFileSync, readdirSync } from "node:fs";
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
  const given = { ...raw, network: network.parse(raw.network), optimiser: optimiser.parse(raw.optimiser) };

  test.each(implementations())("$name", (implementation) => {
    const errors = compareGolden(runGolden(given, file, implementation), file);
    for (const group of goldenGroups) {
      const limit = implementation.realBytes === 8 ? 1e-9 : group === "parameters" ? 5e-4 : 1e-4;
      expect(errors[group].worst, `${group}: ${errors[group].tensor}`).toBeLessThanOrEqual(limit);
    }
  });
});
