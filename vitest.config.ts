/**
 * Four rings of tests, from the inside out: `laws` over the tree as text, `unit` beside the code, `flow` over HTTP,
 * `faults` with processes that die. One ring at a time.
 */
import { defineConfig } from "vitest/config";

const seconds = 1000;
/**
 * Bounds for what hangs, not for what is slow: a machine with other work takes many times as long, and waits within a
 * test end before the test does.
 */
const patience = (minutes: number) => ({
  testTimeout: minutes * 60 * seconds,
  hookTimeout: minutes * 60 * seconds,
  expect: { poll: { timeout: 60 * seconds } },
});
/** Builds first and finds a Redis; the laws need neither. */
const globalSetup = ["tests/support/global-setup.ts"];

export default defineConfig({
  test: {
    passWithNoTests: false,
    coverage: {
      provider: "v8",
      include: ["{engine,schemas,services,client,cli,search}/**/*.ts"],
      // Compiled by others, or declarations alone.
      exclude: ["engine/kernels/{assembly,native}/**", "**/*.test.ts", "**/*.d.ts"],
      reporter: ["text-summary", "html", "json-summary"],
    },
    projects: [
      {
        test: {
          name: "laws",
          include: ["tests/laws/**/*.test.ts"],
          ...patience(5),
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: "unit",
          globalSetup,
          include: [
            "{engine,schemas,services,scripts,client,cli,web,search}/**/*.test.{ts,tsx}",
            "tests/{oracle,gradients,golden,determinism}/**/*.test.ts",
          ],
          exclude: ["**/node_modules/**", "dist/**"],
          ...patience(5),
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: "flow",
          globalSetup,
          include: ["tests/flow/**/*.test.ts"],
          ...patience(15),
          maxWorkers: 2,
          sequence: { groupOrder: 2 },
        },
      },
      {
        // Each of these kills processes and measures how long others take: they run alone.
        test: {
          name: "faults",
          globalSetup,
          include: ["tests/faults/**/*.test.ts"],
          ...patience(25),
          fileParallelism: false,
          sequence: { groupOrder: 3 },
        },
      },
    ],
  },
});
