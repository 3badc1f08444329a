/** What traces are to those who make them. */
import type { Telemetry } from "bullmq";
import type { Origin } from "../records/origin.ts";

export type Attributes = Record<string, string | number | boolean>;

/** A span that is open. */
export interface OpenSpan {
  /** Something below it that began at `from`, in milliseconds since 1970, and is over. */
  past(name: string, from: number, attributes?: Attributes): void;
}

export interface SpanOptions {
  attributes?: Attributes;
  /** The request that the work goes back to, where that is not what is under way. */
  origin?: Origin | null | undefined;
}

export interface Tracing {
  /** For the queues and workers of BullMQ; undefined: off. */
  readonly queues: Telemetry | undefined;
  /** A plugin of Fastify, to be registered before any route; null: off. */
  readonly requests: unknown;
  /** What is under way, as W3C's traceparent. */
  current(): string | null;
  /** Does some work as a span. What it throws is noted and goes on. */
  span<Result>(name: string, options: SpanOptions, work: (span: OpenSpan) => Promise<Result>): Promise<Result>;
  /** Sends what is left. */
  close(): Promise<void>;
}
