/** The record of a sweep: how it stands in its hash, and what of it the API shows. */
import { withoutCredentials } from "../webhooks/shown.ts";
import { isTerminal, type NetworkSummary } from "../../../schemas/job.ts";
import type { CompleteSweepRequest, Sweep, SweepBase, SweepSummary } from "../../../schemas/sweep.ts";
import { fieldOf } from "./hash.ts";
import type { Made, Origin } from "./origin.ts";
import { projectOf } from "./sight.ts";
import { tablesField, withTables, withoutTables } from "./tables.ts";

export type SweepStatus = Sweep["status"];

/** What a sweep that waits for its dataset leaves open until that is ready, besides what it asks for in any case. */
export interface SweepLeft {
  /** As it was written, where the rule chooses network and settings. */
  base: SweepBase | null;
  space: boolean;
  search: boolean;
}

/** A sweep as it stands in Redis: what the API shows, and what only we need. */
export interface SweepRecord extends Omit<Sweep, "object" | "terminal" | "urls" | "elapsedSeconds">, Made {
  /** Number of the delivery that may coordinate it. */
  run: number;
  /** Of the present coordinator: the fence of every write. "0": there was none yet. */
  attempt: string;
  /** The key that signs the webhooks of its jobs. */
  webhookSecret: string | null;
  /** The clock: milliseconds before it was last stopped, and since when it has been running. */
  ranMs: number;
  since: number | null;
  project: string;
  /** null: everything is chosen. */
  left: SweepLeft | null;
}

/** Without the long connection tables of its base. */
export type SweepSummaryRecord = Omit<SweepRecord, "request"> & { request: SweepSummary["request"] };

export const elapsedSecondsOf = ({ ranMs, since }: Pick<SweepRecord, "ranMs" | "since">): number =>
  (ranMs + (since === null ? 0 : Math.max(0, Date.now() - since))) / 1000;

function withoutBaseCredentials<Request>(request: Request): Request {
  const { base } = request as { base?: object };
  return base ? { ...request, base: withoutCredentials(base) } : request;
}

/** The resource of the API. */
export function presentSweep<Request>(
  record: Omit<SweepRecord, "request"> & { request: Request },
): Omit<Sweep, "request"> & { request: Request } {
  const {
    run: _run,
    attempt: _attempt,
    webhookSecret: _secret,
    ranMs: _ranMs,
    since: _since,
    project: _project,
    origin: _origin,
    left: _left,
    ...shown
  } = record;
  const at = `/v1/sweeps/${record.id}`;
  return {
    ...shown,
    request: withoutBaseCredentials(shown.request),
    object: "sweep",
    terminal: isTerminal(record.status),
    elapsedSeconds: elapsedSecondsOf(record),
    urls: { self: at, trials: `${at}/trials`, events: `${at}/events`, jobs: `/v1/jobs?sweep=${record.id}` },
  };
}

export type Hash = Readonly<Record<string, string>>;

/** Older records have no list of faults. */
function errorOf(text: string | undefined): Sweep["error"] {
  const error = fieldOf<Sweep["error"]>(text, null);
  return error && { ...error, errors: error.errors ?? [] };
}

export function summaryOf(hash: Hash): SweepSummaryRecord {
  return {
    id: fieldOf(hash["id"], ""),
    name: fieldOf<string | null>(hash["name"], null),
    status: hash["status"] as SweepStatus,
    createdAt: fieldOf(hash["createdAt"], ""),
    startedAt: fieldOf<string | null>(hash["startedAt"], null),
    finishedAt: fieldOf<string | null>(hash["finishedAt"], null),
    dataset: fieldOf<Sweep["dataset"]>(hash["dataset"], { id: "", revision: null }),
    request: fieldOf(hash["request"], {} as SweepSummary["request"]),
    rungs: fieldOf<Sweep["rungs"]>(hash["rungs"], []),
    trials: fieldOf(hash["trials"], {} as Sweep["trials"]),
    best: fieldOf<Sweep["best"]>(hash["best"], null),
    stopReason: fieldOf<Sweep["stopReason"]>(hash["stopReason"], null),
    error: errorOf(hash["error"]),
    reasons: fieldOf<string[]>(hash["reasons"], []),
    warnings: fieldOf<string[]>(hash["warnings"], []),
    metadata: fieldOf(hash["metadata"], {}),
    run: Number(hash["run"]),
    attempt: hash["attempt"] ?? "0",
    webhookSecret: fieldOf<string | null>(hash["webhookSecret"], null),
    ranMs: Number(hash["ranMs"] ?? 0),
    since: hash["since"] === undefined ? null : Number(hash["since"]),
    left: fieldOf<SweepLeft | null>(hash["left"], null),
    project: projectOf({ project: fieldOf<string | undefined>(hash["project"], undefined) }),
    origin: fieldOf<Origin | null>(hash["origin"], null),
  };
}

export async function recordOf(hash: Hash): Promise<SweepRecord> {
  const summary = summaryOf(hash);
  const tables = fieldOf<string | null>(hash[tablesField], null);
  const { base } = summary.request;
  if (tables === null) return { ...summary, request: summary.request };
  const network = await withTables(base["network"] as NetworkSummary, tables);
  return { ...summary, request: { ...summary.request, base: { ...base, network } } };
}

/** The secret of the base's webhook is taken out and kept apart, and so are long connection tables. */
export async function requestFields({ base, ...request }: CompleteSweepRequest): Promise<Record<string, unknown>> {
  const { webhook, network } = base;
  const hasLayers = typeof network === "object";
  const apart = hasLayers ? await withoutTables(network) : { network, tables: null };
  return {
    request: {
      ...request,
      base: {
        ...base,
        ...(network === undefined ? {} : { network: apart.network }),
        ...(webhook ? { webhook: { url: webhook.url } } : {}),
      },
    },
    webhookSecret: webhook?.secret,
    ...(apart.tables === null ? {} : { [tablesField]: apart.tables }),
  };
}
