/**
 * Traces of OpenTelemetry, from the request through the queue to the phases of a worker's job. Off, and nothing of
 * OpenTelemetry's is loaded, unless OTEL_EXPORTER_OTLP_ENDPOINT says where a collector is.
 */
import { ownVersion } from "../version.ts";
import type { OpenSpan, Tracing } from "./tracing.ts";

export type { OpenSpan, Tracing } from "./tracing.ts";

const unseen: OpenSpan = { past: () => undefined };

export const untraced: Tracing = {
  queues: undefined,
  requests: null,
  current: () => null,
  span: (_name, _options, work) => work(unseen),
  close: async () => undefined,
};

/** `service` names the process: api, worker. */
export async function startTracing({
  service,
  endpoint,
}: {
  service: string;
  endpoint: string | null;
}): Promise<Tracing> {
  if (endpoint === null) return untraced;
  const { OpenTelemetry } = await import("./open-telemetry.ts");
  return new OpenTelemetry({ service, version: ownVersion() });
}
