/** A process of the service that cannot start: its exit code, and what it said. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

export interface Refused {
  status: number | null;
  said: string;
}

export function startRefused(entry: "api" | "worker", environment: Record<string, string>): Refused {
  const file = fileURLToPath(new URL(`../../dist/services/${entry}/main.js`, import.meta.url));
  const env = { ...process.env, PORT: "0", LOG_LEVEL: "silent", ...environment };
  const { status, stderr } = spawnSync(process.execPath, [file], { env, encoding: "utf8", timeout: 240_000 });
  return { status, said: stderr.trim() };
}
