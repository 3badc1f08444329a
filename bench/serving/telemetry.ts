/** What the api says of itself at /metrics, and the peer of itself in the same words. */

/** The event loop is measured by a timer that is due so often: where nothing delays it, it says so much. */
export const probeIntervalMs = 10;

export interface Telemetry {
  /** Of all timers since the last look, the probe's own interval in it; 0 where nothing is said of it. */
  eventLoopP99Ms: number;
  residentMiB: number;
  cpuSeconds: number;
}

export async function look(url: string): Promise<Telemetry> {
  const text = await (await fetch(`${url}/metrics`)).text();
  /** The sum over all lines of a name; the largest where several processes each have their own. */
  const values = (name: string): number[] =>
    [...text.matchAll(new RegExp(`^${name}(?:{[^}]*})? (\\S+)$`, "gm"))].map(([, value]) => Number(value));
  return {
    eventLoopP99Ms: 1000 * Math.max(0, ...values("nodejs_eventloop_lag_p99_seconds")),
    residentMiB: values("process_resident_memory_bytes").reduce((sum, each) => sum + each, 0) / 2 ** 20,
    cpuSeconds: values("process_cpu_seconds_total").reduce((sum, each) => sum + each, 0),
  };
}
