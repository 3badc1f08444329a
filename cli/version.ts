/** Whether a service is too new for this command line. Versions follow SemVer. */
import { readFileSync } from "node:fs";
import { root } from "./root.ts";

export const ownVersion = (JSON.parse(readFileSync(`${root}package.json`, "utf8")) as { version: string }).version;

const parts = (version: string): number[] => (/^(\d+)\.(\d+)\.(\d+)/.exec(version) ?? []).slice(1).map(Number);

/** `incompatible`: of a later major version, before 1.0.0 of a later minor one. */
export function isNewer(theirs: string, ours: string): "incompatible" | "compatible" | null {
  const [theirMajor = 0, theirMinor = 0, theirPatch = 0] = parts(theirs);
  const [ourMajor = 0, ourMinor = 0, ourPatch = 0] = parts(ours);
  if (theirMajor !== ourMajor) return theirMajor > ourMajor ? "incompatible" : null;
  if (theirMinor !== ourMinor) return theirMinor < ourMinor ? null : ourMajor === 0 ? "incompatible" : "compatible";
  return theirPatch > ourPatch ? "compatible" : null;
}
