/**
 * An api of several processes on one port (API_PROCESSES): what is promised of one holds for all of them together, also
 * while one is killed. Members are found as children of the first process, which Linux shows in /proc.
 */
import { existsSync, readFileSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { Agent, request as askOver, type IncomingMessage } from "node:http";
import { createServer, type AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { exitCodes } from "../../services/shared/start.ts";
import { formOfModel, greyModel } from "../support/imported-model.ts";
import { startStack, until, type Api, type Stack } from "../support/stack.ts";

const processes = 3;
const hasProc = existsSync(`/proc/self/task/${process.pid}/children`);
if (!hasProc) process.stderr.write("processes.test.ts is skipped in part: /proc does not show children\n");

let stack: Stack;
let model: string;
const apis: Api[] = [];
const sockets: Agent[] = [];

beforeAll(async () => {
  stack = await startStack({ workers: 1, environment: { API_PROCESSES: String(processes) } });
  const imported = await stack.ask("/v1/models", { body: formOfModel(greyModel) });
  expect(imported.status).toBe(201);
  model = imported.body.id as string;
});
afterEach(async () => {
  for (const each of sockets.splice(0)) each.destroy();
  for (const each of apis.splice(0)) await each.end();
});
afterAll(() => stack.stop());

const membersOf = ({ process: { pid } }: Api): number[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean).map(Number);
const agent = (): Agent => {
  const made = new Agent({ keepAlive: true, maxSockets: 1 });
  sockets.push(made);
  return made;
};

interface Said {
  status: number;
  text: string;
  headers: IncomingMessage["headers"];
}
/** Over the agent's own connection, so that a client stays with its process. */
function say(
  url: string,
  how: { agent: Agent; method?: string; headers?: Record<string, string>; body?: string | Uint8Array },
): Promise<Said> {
  const { body, ...options } = how;
  return new Promise((resolve, reject) => {
    const sent = askOver(url, options, (answer) => {
      let text = "";
      answer.on("data", (chunk: Buffer) => (text += chunk.toString()));
      answer.on("end", () => resolve({ status: answer.statusCode ?? 0, text, headers: answer.headers }));
      answer.on("error", reject);
    });
    sent.on("error", reject);
    sent.end(body);
  });
}

const answered = 'http_request_duration_seconds_count{method="POST",route="/v1/models/:id/predictions",status="200"}';
/** Over a new connection each time: it may come to any process. */
async function figures(url: string): Promise<Map<string, number>> {
  const own = agent();
  const { text } = await say(`${url}/metrics`, { agent: own });
  own.destroy();
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(
    lines.map((line) => [line.slice(0, line.lastIndexOf(" ")), Number(line.slice(line.lastIndexOf(" ")))]),
  );
}
/** Waits for a figure: what was just answered is counted a moment later. */
const figure = (name: string, wanted: number): Promise<number | undefined> =>
  until(
    async () => (await figures(stack.api.url)).get(name),
    (found) => found === wanted,
    `${name} to be ${wanted}`,
  );

const predict = (how: Agent): Promise<Said> =>
  say(`${stack.api.url}/v1/models/${model}/predictions`, {
    agent: how,
    method: "POST",
    headers: { "content-type": "application/octet-stream" },
    body: Uint8Array.from({ length: 35 }, (_, at) => at * 7),
  });

/** Clients that ask without a pause until they are stopped; one whose connection broke opens another. */
function crowd(clients: number): {
  tally: { right: number; wrong: number; broken: number };
  /** Waits for more right answers than so many; answers how many there are. */
  answers: (count: number) => Promise<number>;
  stop: () => Promise<void>;
} {
  const tally = { right: 0, wrong: 0, broken: 0 };
  let goesOn = true;
  const client = async (): Promise<void> => {
    const own = agent();
    while (goesOn) {
      const said = await predict(own).catch(() => null);
      tally[said === null ? "broken" : said.text.includes(model) ? "right" : "wrong"] += 1;
      await sleep(10);
    }
  };
  const all = Array.from({ length: clients }, client);
  return {
    tally,
    answers: (count) =>
      until(
        async () => tally.right,
        (right) => right > count,
        `more than ${count} right answers`,
      ),
    stop: async () => {
      goesOn = false;
      await Promise.all(all);
      expect(tally.wrong).toBe(0);
    },
  };
}

test("counts are those of all processes, and what Redis says is told once", async () => {
  const agents = Array.from({ length: 2 * processes }, agent);
  for (let round = 0; round < 5; round++) await Promise.all(agents.map(predict));
  await figure(answered, 5 * agents.length);
  await figure("workers", 1);
  const found = await figures(stack.api.url);
  expect(found.get("api_processes")).toBe(processes);
  expect(found.get('worker_slots{state="all"}')).toBe(1);
  expect(found.get("redis_up")).toBe(1);
  expect(found.get("prediction_threads_started")).toBeGreaterThanOrEqual(processes);
  // Each process needs some memory of its own, and all are counted.
  expect(found.get("process_resident_memory_bytes")).toBeGreaterThan(processes * 40 * 1024 * 1024);
  expect(found.get("process_start_time_seconds")).toBeLessThan(Date.now() / 1000 + 1);
});

test("open event streams of all processes are counted", async () => {
  const { body } = await stack.ask("/v1/jobs", { body: { dataset: "mnist", network: "lenet-5", epochs: 500 } });
  const open = Array.from({ length: 2 * processes }, () =>
    askOver(`${stack.api.url}/v1/jobs/${body.id}/events`, {
      agent: agent(),
      headers: { accept: "text/event-stream" },
    }).end(),
  );
  for (const each of open) each.on("error", () => undefined);
  expect(await figure("event_streams_open", open.length)).toBe(open.length);
  for (const each of open) each.destroy();
  await stack.ask(`/v1/jobs/${body.id}/cancel`, { method: "POST" });
  await stack.ended(body.id as string);
});

test("a key is used up once, whichever process is asked", async () => {
  const key = { "idempotency-key": "one-of-many", "content-type": "application/json" };
  const order = JSON.stringify({ dataset: "mnist", network: "lenet-5", epochs: 1, name: "once" });
  const all = await Promise.all(
    Array.from({ length: 8 }, () =>
      say(`${stack.api.url}/v1/jobs`, { agent: agent(), method: "POST", headers: key, body: order }),
    ),
  );
  expect(all.filter(({ status }) => status !== 202 && status !== 201 && status !== 409)).toEqual([]);
  const { body } = await stack.ask("/v1/jobs?name=once");
  expect(body.data).toHaveLength(1);
  await stack.ask(`/v1/jobs/${body.data[0].id}/cancel`, { method: "POST" });
});

test("a limit of requests holds over all processes", async () => {
  const limited = await stack.startApi({ RATE_LIMIT: "20" });
  apis.push(limited);
  const seen = { right: 0, tooMany: 0 };
  // Each over a connection of its own: they come to any process.
  for (let number = 0; number < 26; number++) {
    const { status } = await until(
      () => say(`${limited.url}/v1/system`, { agent: agent() }),
      (said) => said.status !== 503,
      "an answer of a process that is not overloaded",
    );
    if (status === 200) seen.right += 1;
    if (status === 429) seen.tooMany += 1;
  }
  expect(seen).toEqual({ right: 20, tooMany: 6 });
});

const gibibyte = 1024 ** 3;

/** An upload that says how long it is and sends nothing yet: its refusal, if one comes. */
function announce(url: string, bytes: number): Promise<number> {
  const headers = { "content-type": "multipart/form-data; boundary=x", "content-length": String(bytes) };
  const sent = askOver(`${url}/v1/datasets`, { agent: agent(), method: "POST", headers });
  sent.flushHeaders();
  return new Promise((resolve) => {
    sent.on("response", ({ statusCode }) => resolve(statusCode ?? 0));
    sent.on("error", () => resolve(0));
  });
}

test.runIf(hasProc)("room on the disk is promised once, and given back where a process dies", async () => {
  const { bavail, bsize } = await statfs(stack.redis.dir);
  // An upload holds twice its length: one fits into the room, two do not, whatever others write meanwhile.
  const bytes = Math.min(Math.floor((bavail * bsize) / 6), gibibyte);
  const tight = await stack.startApi({
    MIN_FREE_BYTES: String(Math.floor(bavail * bsize - 3 * bytes)),
    BODY_STALL_SECONDS: "300",
  });
  apis.push(tight);
  const uploads = 4 * processes;
  const refused: number[] = [];
  for (let number = 0; number < uploads; number++)
    void until(
      () => announce(tight.url, bytes),
      (status) => status !== 503,
      "an answer of a process that is not overloaded",
    ).then((status) => refused.push(status));
  await until(
    async () => refused.length,
    (count) => count >= uploads - 1,
    "the refusal of all but one",
  );
  await sleep(1000);
  expect(refused).toHaveLength(uploads - 1);
  expect(refused).toContain(507);
  for (const member of membersOf(tight)) process.kill(member, "SIGKILL");
  await until(
    () => Promise.race([announce(tight.url, bytes), sleep(3000, null)]),
    (refusal) => refusal === null,
    "room for another upload",
  );
});

test.runIf(hasProc)("one is killed: the others go on, another takes its place, no count goes down", async () => {
  const before = await figures(stack.api.url);
  const restarts = before.get("api_process_restarts_total") ?? 0;
  // Asked just now for its figures, it has told all that it counted.
  const [first] = membersOf(stack.api);
  process.kill(first, "SIGKILL");
  await figure("api_process_restarts_total", restarts + 1);
  expect((await figures(stack.api.url)).get(answered)).toBe(before.get(answered));

  const clients = 4 * processes;
  const load = crowd(clients);
  const under = await load.answers(clients);
  process.kill(membersOf(stack.api)[0], "SIGKILL");
  let last = before.get(answered) ?? 0;
  for (let look = 0; look < 20; look++) {
    const now = (await figures(stack.api.url).catch(() => null))?.get(answered);
    if (now === undefined) continue;
    expect(now).toBeGreaterThanOrEqual(last);
    last = now;
    await sleep(100);
  }
  await figure("api_processes", processes);
  await load.answers(under + clients);
  await load.stop();
  // No more than what was under way with the one that was killed.
  expect(load.tally.broken).toBeLessThanOrEqual(clients);
  expect((await figures(stack.api.url)).get(answered)).toBeLessThanOrEqual(
    (before.get(answered) ?? 0) + load.tally.right + load.tally.broken,
  );
  const said = stack.api.lines.map((line) => JSON.parse(line) as { msg: string; member?: number; pid: number });
  expect(said.filter(({ msg, member }) => /another is started/.test(msg) && member === first)).toHaveLength(1);
});

test.runIf(hasProc)("one is ended in order: nobody notices", async () => {
  const before = await figures(stack.api.url);
  const load = crowd(2 * processes);
  await load.answers(4 * processes);
  const [first] = membersOf(stack.api);
  process.kill(first, "SIGTERM");
  await until(
    async () => membersOf(stack.api),
    (members) => !members.includes(first),
    "the end of the one",
  );
  await load.stop();
  expect(load.tally.broken).toBe(0);
  await figure("api_processes", processes);
  await figure(answered, (before.get(answered) ?? 0) + load.tally.right);
});

test.runIf(hasProc)("all end together, and answer what they took", async () => {
  const another = await stack.startApi();
  const members = membersOf(another);
  expect(members).toHaveLength(processes);
  const own = agent();
  const asked = say(`${another.url}/v1/models/${model}/predictions`, {
    agent: own,
    method: "POST",
    headers: { "content-type": "application/octet-stream" },
    body: new Uint8Array(35 * 64),
  });
  await asked;
  const late = say(`${another.url}/v1/system`, { agent: own });
  await Promise.all([another.end(), late.then(({ status }) => expect(status).toBe(200))]);
  expect(another.process.exitCode).toBe(0);
  for (const member of members) expect(existsSync(`/proc/${member}`)).toBe(false);
});

test("a port that is taken is said once, and ends the api with its code", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as AddressInfo;
  const refusal = await stack.startApi({ PORT: String(port) }).then(
    () => "it listens",
    (error: unknown) => String(error),
  );
  server.close();
  expect(refusal).toMatch(new RegExp(`ended with ${exitCodes.portTaken}`));
  expect(refusal.match(/is taken by another program/g)).toHaveLength(1);
});
