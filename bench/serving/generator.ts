/**
 * The load, in a process of its own: reads one JSON request a line, keeps the connections busy for that long, answers
 * with one line. Percentiles are of every answer's time, not of whole milliseconds.
 */
import { createInterface } from "node:readline";
import { load } from "../peers/load.ts";

export interface Load {
  url: string;
  method: "GET" | "POST";
  headers: Record<string, string>;
  /** Base64, since a body may be bytes; null: none. */
  body: string | null;
  connections: number;
  seconds: number;
  /** Requests a second over all connections; null: as many as are answered. */
  rate: number | null;
}

export interface Measured {
  /** Answers with a status of success, and how many a second. */
  answers: number;
  rate: number;
  p50: number;
  p99: number;
  mean: number;
  /** Answers by status, what was not answered under "error". */
  statuses: Record<string, number>;
}

interface Run extends Promise<{ duration: number; errors: number }> {
  on(event: "response", take: (client: unknown, status: number, bytes: number, milliseconds: number) => void): void;
}
const autocannon = load<(options: object) => Run>("autocannon");

const place = (sorted: Float64Array, share: number): number =>
  sorted.length === 0 ? 0 : sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];

async function drive({ url, method, headers, body, connections, seconds, rate }: Load): Promise<Measured> {
  const times: number[] = [];
  const statuses: Record<string, number> = {};
  const run = autocannon({
    url,
    method,
    headers,
    connections,
    duration: seconds,
    timeout: 30,
    ...(body === null ? {} : { body: Buffer.from(body, "base64") }),
    ...(rate === null ? {} : { overallRate: rate, ignoreCoordinatedOmission: true }),
  });
  const began = performance.now();
  run.on("response", (_client, status, _bytes, milliseconds) => {
    statuses[status] = (statuses[status] ?? 0) + 1;
    if (status < 300) times.push(milliseconds);
  });
  const { errors } = await run;
  const took = (performance.now() - began) / 1000;
  if (errors > 0) statuses["error"] = errors;
  const sorted = Float64Array.from(times).sort();
  return {
    answers: times.length,
    rate: times.length / took,
    p50: place(sorted, 0.5),
    p99: place(sorted, 0.99),
    mean: times.reduce((sum, each) => sum + each, 0) / Math.max(1, times.length),
    statuses,
  };
}

for await (const line of createInterface({ input: process.stdin })) {
  const answer = await drive(JSON.parse(line) as Load).catch((error: unknown) => ({ error: String(error) }));
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
process.exit();
