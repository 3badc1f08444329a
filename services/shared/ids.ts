/** New names: a prefix and a ULID, so that ids sort by the time they were made. */
import { monotonicFactory } from "ulid";

const next = monotonicFactory();
const prefixes = { job: "job_", dataset: "ds_", model: "mdl_", evaluation: "evl_" } as const;

export const newId = (kind: keyof typeof prefixes): string => `${prefixes[kind]}${next()}`;
/** A bare ULID: names of workers, temporary files, deliveries of webhooks. */
export const newUlid = (): string => next();
