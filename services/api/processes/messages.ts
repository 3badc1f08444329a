/** What the processes of one api tell each other: its members, and the first one that starts them. Plain data only. */
import type { Registry } from "prom-client";

/** What one process has counted, as prom-client gives it. */
export type Counts = Awaited<ReturnType<Registry["getMetricsAsJSON"]>>;

/** From a member. */
export type Said =
  /** Room on a disk, held for all members together; see services/shared/storage/space.ts. */
  | { kind: "hold"; id: number; folder: string; bytes: number; leaveBytes: number }
  | { kind: "shrink"; id: number; bytes: number }
  | { kind: "release"; id: number }
  | { kind: "counts"; id: number; counts: Counts }
  /** Its last counts: it ends. */
  | { kind: "leaving"; counts: Counts }
  /** It wants the telemetry of all. */
  | { kind: "gather"; id: number };

/** To a member. */
export type Told =
  | { kind: "end" }
  | { kind: "count"; id: number }
  | { kind: "held"; id: number; outcome: "held" | { freeBytes: number } | { fault: string } }
  | { kind: "gathered"; id: number; text: string };
