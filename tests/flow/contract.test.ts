/**
 * The OpenAPI document taken at its word: every operation is asked with requests that fast-check makes of its schemas,
 * valid ones and nearly valid ones. FUZZ_RUNS: so many for each operation; FUZZ_SEED: those of a failure again.
 */
import { setTimeout as sleep } from "node:timers/promises";
import * as fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Contract, isShed, type ContractAnswer } from "../support/contract/answers.ts";
import { operationsOf, type Document, type Operation } from "../support/contract/document.ts";
import { ContractRequests, type ContractRequest } from "../support/contract/requests.ts";
import { asking, buildWorld, formData } from "../support/contract/world.ts";
import { startStack, type Stack } from "../support/stack.ts";

const usualRuns = 30;
const runs = Number(process.env["FUZZ_RUNS"] ?? usualRuns);
const usualSeed = 15;
/** Who asks for more wants to see something new. */
const seed = Number(process.env["FUZZ_SEED"] ?? (runs === usualRuns ? usualSeed : Date.now() % 2 ** 31));
const adminKey = `fm_${"0f1e2d3c".repeat(6)}`;
const mostTries = 30;
/** Every worker was ended, so that what is asked for stays as it is; these say so. */
const saysUnready = /^\/(v2\/)?health\/ready$/;
let stack: Stack;

beforeAll(async () => {
  stack = await startStack({ environment: { AUTH: "keys", ADMIN_KEY: adminKey } });
});
afterAll(() => stack.stop());

async function send({ method, url, headers, body }: ContractRequest): Promise<ContractAnswer> {
  const answer = await fetch(`${stack.api.url}${url}`, {
    method,
    headers,
    redirect: "manual",
    ...(body === undefined ? {} : { body: Array.isArray(body) ? formData(body) : (body as string) }),
  });
  const type = (answer.headers.get("content-type") ?? "").split(";", 1)[0].trim();
  // A stream of events goes on as long as its job.
  const isLive = type === "text/event-stream";
  if (isLive) await answer.body?.cancel();
  return {
    status: answer.status,
    type,
    retryAfter: answer.headers.get("retry-after"),
    body: isLive ? new Uint8Array() : new Uint8Array(await answer.arrayBuffer()),
  };
}

/** Again where the service has no room, as it asks for. */
async function insist(operation: Operation, request: ContractRequest): Promise<ContractAnswer> {
  for (let tries = 1; ; tries++) {
    const answer = await send(request);
    if (!isShed(answer) || tries === mostTries || saysUnready.test(operation.path)) return answer;
    await sleep(Number(answer.retryAfter) * 1000);
  }
}

interface Outcome {
  /** What an answer had wrong, and after which request; null where nothing was. */
  fault: string | null;
  answered: number;
  /** Whether a request succeeded. */
  reached: boolean;
}

async function tryOut(operation: Operation, requests: ContractRequests, contract: Contract): Promise<Outcome> {
  const outcome: Outcome = { fault: null, answered: 0, reached: false };
  const property = fc.asyncProperty(requests.of(operation), async (request) => {
    const answer = await insist(operation, request);
    outcome.answered += 1;
    outcome.reached ||= answer.status < 300;
    const fault = contract.fault(operation, answer);
    if (fault !== null) throw new Error(fault);
  });
  const { failed, counterexample, errorInstance } = await fc.check(property, { numRuns: runs, seed });
  if (failed) outcome.fault = `${String(errorInstance)}, asked ${fc.stringify(counterexample?.[0])}`;
  return outcome;
}

it(
  `answers ${runs} requests for each operation as the document says, with FUZZ_SEED=${seed}`,
  async () => {
    const document = (await asking(stack, adminKey)("/openapi.json")).body as Document;
    const contract = new Contract(document);
    const requests = new ContractRequests({ document, world: await buildWorld(stack, adminKey) });
    const outcomes: Record<string, Outcome> = {};
    for (const operation of operationsOf(document))
      outcomes[`${operation.method} ${operation.path}`] = await tryOut(operation, requests, contract);
    const all = Object.entries(outcomes);
    expect(all.flatMap(([name, { fault }]) => (fault === null ? [] : `${name}: ${fault}`))).toEqual([]);
    // What nothing reached was not tried: tests/support/contract/world.ts lacks what it needs.
    expect(all.flatMap(([name, { reached }]) => (reached ? [] : name))).toEqual(["GET /health/ready"]);
    expect(all.reduce((sum, [, { answered }]) => sum + answered, 0)).toBeGreaterThanOrEqual(all.length * runs);
  },
  120_000 + runs * 20_000,
);
