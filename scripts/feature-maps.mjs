#!/usr/bin/env node
/**
 * `npx feature-maps …`: the command line, from whatever state the clone is in. What is installed or built on the way is
 * told on stderr: stdout belongs to the command.
 */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const { status } = spawnSync(process.execPath, [fileURLToPath(new URL("prepare.mjs", import.meta.url))], {
  stdio: ["ignore", 2, 2],
});
if (status !== 0) process.exit(status ?? 1);
await import("../dist/cli/main.js");
