/** What a soak found: Markdown for people. */
import { median } from "../report.ts";
import { kinds, type Kind, type Ledger } from "./loads.ts";

export interface SoakResults {
  at: string;
  environment: Record<string, string>;
  settings: { minutes: number; clients: number; submissionsPerSecond: number; queuedJobs: number };
  loads: Record<Kind, { statuses: Record<string, number>; p50: number; p99: number; most: number }>;
  events: number;
  gaps: number;
  jobs: { accepted: number; succeeded: number; otherwise: string[] };
  uploads: { accepted: number; readable: number; otherwise: string[] };
  /** MiB by process, a figure every five seconds. */
  memory: Record<string, number[]>;
  /** Seconds from the end of the load until the last accepted job had ended. */
  drainSeconds: number;
}

const at = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;

export function loadsOf(ledger: Ledger): SoakResults["loads"] {
  const entries = kinds.map((kind) => {
    const sorted = (ledger.milliseconds.get(kind) ?? []).toSorted((a, b) => a - b);
    const statuses = Object.fromEntries(ledger.statuses.get(kind) ?? []);
    return [kind, { statuses, p50: at(sorted, 0.5), p99: at(sorted, 0.99), most: at(sorted, 1) }] as const;
  });
  return Object.fromEntries(entries) as SoakResults["loads"];
}

/** What must hold whatever the machine: nothing lost, nothing twice, nothing that the service is to blame for. */
export function faultsOf({ jobs, uploads, gaps, loads }: SoakResults): string[] {
  const broken = Object.entries(loads).flatMap(([kind, { statuses }]) =>
    Object.entries(statuses)
      .filter(([status]) => /^500|^[A-Z]/.test(status))
      .map(([status, count]) => `${kind}: ${count} times ${status}`),
  );
  return [
    ...(jobs.accepted === jobs.succeeded ? [] : [`jobs: ${jobs.otherwise.join("; ")}`]),
    ...(uploads.accepted === uploads.readable ? [] : [`uploads: ${uploads.otherwise.join("; ")}`]),
    ...(gaps === 0 ? [] : [`${gaps} events did not follow the one before`]),
    ...broken,
  ];
}

const whole = (value: number): string => Math.round(value).toLocaleString("en");

function memoryLines(memory: SoakResults["memory"]): string[] {
  const lines = ["| memory in MiB | first third | last third | most |", "|---|--:|--:|--:|"];
  for (const [name, figures] of Object.entries(memory)) {
    const third = Math.max(1, Math.floor(figures.length / 3));
    const cells = [median(figures.slice(0, third)), median(figures.slice(-third)), Math.max(...figures)];
    lines.push(`| ${name} | ${cells.map(whole).join(" | ")} |`);
  }
  return lines;
}

export function markdown(results: SoakResults): string {
  const { settings, loads, jobs, uploads } = results;
  const { minutes, clients, submissionsPerSecond, queuedJobs } = settings;
  const faults = faultsOf(results);
  const rows = kinds.map((kind) => {
    const { statuses, p50, p99, most } = loads[kind];
    const shown = Object.entries(statuses).map(([status, count]) => `${whole(count)} × ${status}`);
    const times = kind === "streams" ? ["", "", ""] : [p50, p99, most].map(whole);
    return `| ${kind} | ${shown.join(", ")} | ${times.join(" | ")} |`;
  });
  return `${[
    `# Soak, ${results.at}`,
    "",
    ...Object.entries(results.environment).map(([name, value]) => `- ${name}: ${value}`),
    `- ${minutes} minutes: ${clients} clients that poll every ten seconds, ${clients} event streams, ${submissionsPerSecond} submissions a second where ${queuedJobs} jobs may wait; the load comes from the same machine`,
    "",
    "| asked | answers | p50 ms | p99 ms | most ms |",
    "|---|---|--:|--:|--:|",
    ...rows,
    "",
    ...memoryLines(results.memory),
    "",
    `Jobs: ${jobs.accepted} accepted, ${jobs.succeeded} ended once, as a success, the last ${whole(results.drainSeconds)} s after the load. Uploads: ${uploads.accepted} accepted, ${uploads.readable} readable. Events: ${whole(results.events)} read, ${results.gaps} gaps.`,
    "",
    faults.length === 0 ? "Nothing was lost." : `**At fault:** ${faults.join("; ")}.`,
  ].join("\n")}\n`;
}
