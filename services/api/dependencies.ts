/** What the api is given: nothing here is found by itself, so a test can give something else. */
import type { FastifyBaseLogger, FastifyRequest } from "fastify";
import type { Event } from "../../schemas/event.ts";
import type { SweepEvent } from "../../schemas/sweep-event.ts";
import type { BodyReader } from "./models/reader.ts";
import type { Prediction } from "../prediction/index.ts";
import type { Config } from "../shared/config.ts";
import type { EventFeed } from "../shared/progress/index.ts";
import type { Queues } from "../shared/queues.ts";
import type { Origin, Records } from "../shared/records/index.ts";
import type { Redis } from "../shared/redis.ts";
import type { Keyring } from "./access/keyring.ts";
import type { Mirror } from "./mirror.ts";
import type { Tracing } from "../shared/tracing/index.ts";
import type { Siblings } from "./processes/member.ts";
import type { Storage } from "../shared/storage/index.ts";

export interface Dependencies {
  /** Reads large JSON bodies off the event loop. */
  reader: BodyReader;
  /** The product's version, as package.json says. */
  version: string;
  config: Config;
  log: FastifyBaseLogger;
  /** In the role `answering`: a command fails at once while Redis is away. */
  redis: Redis;
  /** Of all projects. What a request asks for is looked for in `request.records`: those of its own. */
  allRecords: Records;
  keyring: Keyring;
  queues: Queues;
  storage: Storage;
  /** Events of jobs, and of sweeps, as they happen. */
  feed: EventFeed<Event>;
  sweepFeed: EventFeed<SweepEvent>;
  mirror: Mirror;
  prediction: Prediction;
  tracing: Tracing;
  /** The other processes of this api; null: there are none. */
  siblings: Siblings | null;
}

/** The same for one request: the records are those that it may see. */
export type Within = Dependencies & { records: Records };

/** Where what this request makes comes from. */
export const originOf = ({ tracing }: Dependencies, { id }: FastifyRequest): Origin => ({
  request: id,
  trace: tracing.current(),
});

export const within = (dependencies: Dependencies, { records }: FastifyRequest): Within => ({
  ...dependencies,
  records,
});
