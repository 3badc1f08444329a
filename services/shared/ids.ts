/** New names: a prefix and a ULID, so that ids sort by the time they were made. */
import { randomFillSync } from "node:crypto";
import { monotonicFactory } from "ulid";

/** Drawn in stock: every request has a name, and asking the system for each sign of it would cost more than the rest. */
const stock = new Uint8Array(4096);
let used = stock.length;

/** From 0 to less than 1, as ulid wants it for one sign of 32. */
function draw(): number {
  if (used === stock.length) {
    randomFillSync(stock);
    used = 0;
  }
  return stock[used++] / 256;
}

const next = monotonicFactory(draw);
const prefixes = {
  job: "job_",
  dataset: "ds_",
  model: "mdl_",
  evaluation: "evl_",
  sweep: "swp_",
  project: "prj_",
  key: "key_",
} as const;

export const newId = (kind: keyof typeof prefixes): string => `${prefixes[kind]}${next()}`;
/** A bare ULID: names of requests, workers, temporary files, deliveries of webhooks. */
export const newUlid = (): string => next();

/** Older than any ULID that is drawn: a dataset that came with the service and is everybody's. */
export const builtinPrefix = "ds_0000000000";
export const isBuiltin = (datasetId: string): boolean => datasetId.startsWith(builtinPrefix);
