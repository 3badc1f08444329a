/** The version of the product. */
import { readFileSync } from "node:fs";

/** package.json stands two folders up from services/shared, and three from dist/services/shared. */
export function ownVersion(): string {
  for (const up of ["../../package.json", "../../../package.json"]) {
    try {
      return (JSON.parse(readFileSync(new URL(up, import.meta.url), "utf8")) as { version: string }).version;
    } catch {
      continue;
    }
  }
  return "unknown";
}
