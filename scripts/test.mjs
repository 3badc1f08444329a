/**
 * All tests, from whatever state the clone is in: installs, builds, runs every ring, and ends with one line `N passed,
 * N failed`.
 *
 *     npm test                                 everything
 *     npm test -- --project unit               one ring: unit, flow or faults
 *     npm test -- engine/layers                files whose path contains this
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ensureInstalled, root } from "./install.mjs";
import { prepare } from "./prepare.mjs";

/**
 * Reads vitest's JSON report. A file that failed to load or to set up counts as one failure though none of its tests
 * ran; tests whose process died under them have no result and count as failed.
 */
function tally(reportFile) {
  const report = JSON.parse(readFileSync(reportFile, "utf8"));
  const unloaded = report.testResults.filter(
    ({ status, assertionResults }) =>
      status === "failed" && assertionResults.every((each) => each.status === "skipped"),
  );
  const skipped = report.numPendingTests + report.numTodoTests;
  return {
    passed: report.numPassedTests,
    failed: report.numTotalTests - report.numPassedTests - skipped + unloaded.length,
  };
}

async function main() {
  await prepare();
  // What the tests compare with; its install step would look for a GPU's libraries elsewhere.
  process.env.ONNXRUNTIME_NODE_INSTALL = "skip";
  ensureInstalled(join(root, "tests", "peers"));
  const folder = mkdtempSync(join(tmpdir(), "feature-maps-test-"));
  const reportFile = join(folder, "report.json");
  const args = [
    "run",
    "--reporter=default",
    "--reporter=json",
    `--outputFile.json=${reportFile}`,
    ...process.argv.slice(2),
  ];
  const { status } = spawnSync(process.execPath, [join("node_modules", "vitest", "vitest.mjs"), ...args], {
    cwd: root,
    stdio: "inherit",
  });
  try {
    const { passed, failed } = tally(reportFile);
    // Without a failed test vitest still ends badly on an error that no test caught.
    return { passed, failed: failed === 0 && status !== 0 ? 1 : failed };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

let outcome = { passed: 0, failed: 1 };
try {
  outcome = await main();
} catch (error) {
  console.error(`test: ${error.message}`);
}
console.log(`${outcome.passed} passed, ${outcome.failed} failed`);
process.exitCode = outcome.failed === 0 ? 0 : 1;
