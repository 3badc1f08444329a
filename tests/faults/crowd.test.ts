/**
 * A long queue, and calls to other people's servers. FAULT_QUEUED=10000 runs the queue at the length that
 * docs/RELIABILITY.md reports.
 */
import { createHmac } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { IncomingMessage } from "node:http";
import { afterEach, expect, test } from "vitest";
import { until } from "../support/stack.ts";
import { slowJob, startTrial } from "../support/trials.ts";
import type { Trial } from "../support/trials.ts";

const queued = Number(process.env["FAULT_QUEUED"] ?? 1000);
const atOnce = 8;

let trial: Trial | null = null;
afterEach(async () => {
  await trial?.stop();
  trial = null;
});

async function memoryOf(pid: number | undefined): Promise<number> {
  const text = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+) kB/.exec(text)?.[1]) / 1024;
}

/** The value that `share` of all lie below. */
const quantile = (values: readonly number[], share: number): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length * share)] ?? 0;

test(
  `${queued} queued jobs: POST stays fast, lists stay paged, the api's memory flat`,
  { timeout: 600_000 + queued * 60 },
  async () => {
    trial = await startTrial({ workers: 0 });
    const { api, ask } = trial;
    const times: number[] = [];
    const memory: number[] = [];
    for (let number = 0; number < queued; number += atOnce) {
      const answers = await Promise.all(
        Array.from({ length: atOnce }, async () => {
          const at = performance.now();
          const { status } = await ask("/v1/jobs", { body: slowJob({ epochs: 1 }) });
          times.push(performance.now() - at);
          return status;
        }),
      );
      expect(new Set(answers)).toEqual(new Set([202]));
      if (number % 200 === 0) memory.push(await memoryOf(api.process.pid));
    }
    const tenth = Math.floor(times.length / 10);
    const ends = [times.slice(0, tenth), times.slice(-tenth)] as const;
    const [first, last] = ends.map((each) => quantile(each, 0.5)) as [number, number];
    process.stdout.write(
      `${queued} queued: POST ${first.toFixed(1)} ms at first, ${last.toFixed(1)} ms at last; api ${memory[1]?.toFixed(0)} → ${memory.at(-1)?.toFixed(0)} MiB\n`,
    );
    // The quickest of each: what else the machine does slows some of them, a queue that grows would slow all.
    const [quickFirst, quickLast] = ends.map((each) => Math.min(...each)) as [number, number];
    expect(quickLast).toBeLessThan(quickFirst * 3 + 50);
    expect(memory.at(-1)).toBeLessThan((memory[1] ?? 0) * 1.5 + 60);
    const page = await ask("/v1/jobs?status=queued&limit=20");
    expect(page.body).toMatchObject({ hasMore: true });
    expect(page.body.data).toHaveLength(20);
    expect((await ask("/v1/system")).body).toMatchObject({ version: expect.any(String) as string });
    trial.startWorker();
    const oldest = (await ask("/v1/jobs?status=queued&limit=1&order=asc")).body.data[0]?.id;
    if (oldest !== undefined) expect(await trial.ended(oldest)).toMatchObject({ status: "succeeded" });
  },
);

test("a webhook is called for every change of status, signed, and again after a failure", async () => {
  const received: { headers: IncomingMessage["headers"]; body: string }[] = [];
  let failures = 1;
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => (body += chunk.toString()));
    request.on("end", () => {
      received.push({ headers: request.headers, body });
      response.writeHead(failures-- > 0 ? 503 : 204).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const url = `http://127.0.0.1:${typeof address === "object" && address ? address.port : 0}/hook`;
  trial = await startTrial({ workers: 1, environment: { WEBHOOK_ALLOW_PRIVATE: "true" } });
  const secret = "a secret of a test";
  const { body } = await trial.ask("/v1/jobs", { body: slowJob({ epochs: 1, webhook: { url, secret } }) });
  await trial.ended(body.id);
  const types = () => received.map((call) => (JSON.parse(call.body) as { type: string }).type);
  await until(
    () => Promise.resolve(types()),
    (seen) =>
      seen.includes("job.succeeded") && seen.filter((type) => type === "job.running").length >= 1 && seen.length >= 3,
    "the calls",
  );
  for (const { headers, body: text } of received) {
    const signed = `${headers["webhook-id"] as string}.${headers["webhook-timestamp"] as string}.${text}`;
    expect(headers["webhook-signature"]).toBe(`v1,${createHmac("sha256", secret).update(signed).digest("base64")}`);
    expect(text).not.toContain(secret);
  }
  expect(new Set(received.map(({ headers }) => headers["webhook-id"])).size).toBe(2);
  server.closeAllConnections();
  server.close();
});
