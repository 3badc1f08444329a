/** Measures what one core can do at most, with the machine's own compiler. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root } from "./peers/load.ts";

export interface Peak {
  /** GFLOP/s of one core, multiply and add apart. */
  strict: number;
  /** GFLOP/s of one core, fused. */
  fused: number;
}

/** null where no C compiler is found. */
export function measurePeak(): Peak | null {
  const folder = mkdtempSync(join(tmpdir(), "feature-maps-peak-"));
  const best = (contract: "off" | "fast"): number => {
    const rates = [32, 64].map((width) => {
      const program = join(folder, `peak-${contract}-${width}`);
      const built = spawnSync("cc", [
        "-O3",
        "-march=native",
        `-ffp-contract=${contract}`,
        `-DWIDTH=${width}`,
        join(root, "bench", "peak.c"),
        "-o",
        program,
      ]);
      return built.status === 0 ? Number(spawnSync(program, { encoding: "utf8" }).stdout) : 0;
    });
    return Math.max(...rates);
  };
  try {
    const peak = { strict: best("off"), fused: best("fast") };
    return peak.strict > 0 ? peak : null;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
