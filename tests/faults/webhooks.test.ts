/** Receivers that never answer hold up their own calls and those of nobody else. */
import { createServer } from "node:http";
import type { Server } from "node:http";
import { createServer as createSilent, type AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import { until } from "../support/stack.ts";
import { slowJob, startTrial } from "../support/trials.ts";
import type { Trial } from "../support/trials.ts";

let trial: Trial;
const open: { close(): unknown }[] = [];
afterEach(async () => {
  for (const server of open.splice(0)) server.close();
  await trial.stop();
});

const portOf = (server: { address(): unknown }): number => (server.address() as AddressInfo).port;

test("sixty jobs at twenty receivers that never answer, and one whose receiver does", async () => {
  const silent = createSilent((socket) => socket.on("error", () => undefined));
  await new Promise<void>((resolve) => silent.listen(0, "0.0.0.0", resolve));
  open.push(silent);
  const told: string[] = [];
  const good: Server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => (body += chunk.toString()));
    request.on("end", () => {
      told.push((JSON.parse(body) as { type: string }).type);
      response.writeHead(204).end();
    });
  });
  await new Promise<void>((resolve) => good.listen(0, "127.0.0.1", resolve));
  open.push(good);
  trial = await startTrial({ workers: 1, environment: { WEBHOOK_ALLOW_PRIVATE: "true" } });
  const withHook = async (url: string) => {
    const { body } = await trial.ask("/v1/jobs", { body: slowJob({ epochs: 1, webhook: { url } }) });
    return body.id as string;
  };
  for (let number = 0; number < 60; number++) {
    const id = await withHook(`http://127.0.0.${2 + (number % 20)}:${portOf(silent)}/hook`);
    await trial.ask(`/v1/jobs/${id}/cancel`, { method: "POST" });
  }
  const began = Date.now();
  const id = await withHook(`http://127.0.0.1:${portOf(good)}/hook`);
  await trial.ask(`/v1/jobs/${id}/cancel`, { method: "POST" });
  await until(
    async () => told,
    (types) => types.some((type) => type === "job.cancelled"),
    "the call to the receiver that answers",
  );
  // In one line with the others it would wait for sixty times fifteen seconds, eight at once.
  expect(Date.now() - began).toBeLessThan(100_000);
  const { body } = await trial.ask(`/v1/jobs/${id}/webhooks`);
  expect(body.data.at(-1)).toMatchObject({ type: "job.cancelled", state: "delivered" });
});
