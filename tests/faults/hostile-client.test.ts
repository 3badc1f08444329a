/**
 * One client that asks too much, beside one that must not notice: a second process asks for liveness and for a job's
 * progress ten times a second throughout. Each case is one of what once ended, froze or filled the api.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { readFile, readdir, writeFile } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createLog } from "../../services/shared/log.ts";
import { keys } from "../../services/shared/redis-keys.ts";
import { closeRedis, connectRedis } from "../../services/shared/redis.ts";
import { writeSafetensors } from "../../engine/index.ts";
import { startBeside, type Beside } from "../support/beside.ts";
import { ask, until, type Ask, type Stack } from "../support/stack.ts";
import { startStackWithStrokes, strokesForm, strokesJob, strokesNetwork } from "../support/strokes.ts";

/** A freeze comes each time; a hiccup of a machine that does other work does not. */
const tries = 3;
const mebibyte = 1024 * 1024;
const environment = { BODY_STALL_SECONDS: "3", BODY_MEMORY_MIB: "64" };

let stack: Stack;
let beside: Beside;
/** Of strokes; and one of 4096 maps of 40×40, and as many classes. */
let model = "";
let wide = "";
let restingBytes = 0;

const residentBytes = async (): Promise<number> => {
  const status = await readFile(`/proc/${stack.api.process.pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) * 1024;
};

/** Expects that the client beside noticed nothing: every answer right, and none slow three times in a row. */
async function expectUnnoticed(doing: () => Promise<void>, by = beside): Promise<void> {
  for (let left = tries - 1; ; left--) {
    const { answers, failed, slowestMs, machineMs, slow } = await by.during(doing);
    const answered = `${answers} answers beside, the slowest after ${slowestMs} ms (idle server: ${machineMs} ms)`;
    console.log(`${expect.getState().currentTestName}: ${answered}`);
    expect(failed).toEqual([]);
    expect(answers).toBeGreaterThan(0);
    if (!slow) return;
    if (left === 0) expect.fail(answered);
  }
}

/** A connection to the api; what comes back is gathered. */
function open(to = stack.api.url): { socket: Socket; answer: Promise<string> } {
  const { hostname, port } = new URL(to);
  const socket = connect(Number(port), hostname);
  const answer = new Promise<string>((resolve) => {
    let text = "";
    socket.on("data", (chunk: Buffer) => (text += chunk.toString()));
    socket.on("error", () => resolve(text));
    socket.on("close", () => resolve(text));
  });
  return { socket, answer };
}

/** Sends text and answers what came back until the api hung up. */
function send(text: string): Promise<string> {
  const { socket, answer } = open();
  socket.write(text);
  return answer;
}

const json = (text: string): Ask => ({ method: "POST", headers: { "content-type": "application/json" }, body: text });

async function importWide(): Promise<string> {
  const layers = [
    { kind: "convolution", maps: 4096, size: 1 },
    { kind: "subsampling", factor: 40, reduce: "mean", trainable: false },
  ];
  const zeros = (...shape: number[]) => ({ dtype: "F32" as const, shape, data: new Float32Array(4096) });
  const weights = writeSafetensors({
    tensors: new Map([
      ["layers.0.weight", zeros(4096, 1, 1, 1)],
      ["layers.0.bias", zeros(4096)],
    ]),
  });
  const form = new FormData();
  form.set("name", "wide");
  form.set("input", '{"channels":1,"height":40,"width":40}');
  form.set("network", JSON.stringify({ layers }));
  form.set("weights", new Blob([new Uint8Array(weights)]), "weights.safetensors");
  return (await stack.ask("/v1/models", { body: form })).body.id as string;
}

beforeAll(async () => {
  stack = await startStackWithStrokes({ environment });
  const job = (await stack.ask("/v1/jobs", { body: { ...strokesJob, epochs: 2 } })).body.id as string;
  model = (await stack.ended(job)).model as string;
  wide = await importWide();
  await until(
    () => stack.ask("/v1/datasets/mnist"),
    ({ body }) => body.status === "ready",
    "MNIST",
  );
  beside = startBeside(stack.api.url, ["/health/live", `/v1/jobs/${job}/progress`]);
  // Every thread started, every path compiled: what comes now has to go again.
  await stack.ask(`/v1/models/${wide}/predictions`, { body: { instances: [Array(1600).fill(0)] } });
  await sleep(1000);
  restingBytes = await residentBytes();
});
afterAll(async () => {
  beside?.end();
  await stack?.stop();
});

describe("a request that asks too much", () => {
  it("names an output thirty thousand times", () =>
    expectUnnoticed(async () => {
      const input = { name: "input", shape: [1, 35], datatype: "FP32", data: Array(35).fill(0) };
      const outputs = Array(30_000).fill({ name: "probabilities" });
      const answer = await stack.ask(`/v2/models/${model}/infer`, { body: { inputs: [input], outputs } });
      expect(answer.status).toBe(400);
      const twice = [{ name: "class" }, { name: "class" }];
      expect(
        (await stack.ask(`/v2/models/${model}/infer`, { body: { inputs: [input], outputs: twice } })).body,
      ).toMatchObject({ code: "invalid-request", errors: [{ pointer: "/outputs" }] });
    }));

  it("wants millions of numbers, and gets them in slices", () =>
    expectUnnoticed(async () => {
      const inputs = [{ name: "input", shape: [256, 1600], datatype: "FP32", data: Array(256 * 1600).fill(0) }];
      const outputs = [{ name: "probabilities" }, { name: "outputs" }];
      const answer = await stack.ask(`/v2/models/${wide}/infer`, { body: { inputs, outputs } });
      expect(answer.status).toBe(200);
      expect(answer.body.outputs.map(({ data }: { data: number[] }) => data.length)).toEqual([256 * 4096, 256 * 4096]);
    }));

  it("sends thirty megabytes of nothing to what is not there, and to what is", () =>
    expectUnnoticed(async () => {
      const nothing = json(`{"instances":[${"{},".repeat(10_000_000)}{}]}`);
      const many = Array.from({ length: 4 }, () => stack.ask("/v1/models/nobody/predictions", nothing));
      expect((await Promise.all(many)).map(({ status }) => status)).toEqual([404, 404, 404, 404]);
      const few = Array.from({ length: 2 }, () => stack.ask(`/v1/models/${model}/predictions`, nothing));
      for (const { status } of await Promise.all(few)) expect([413, 503]).toContain(status);
    }));

  it("sends thirty megabytes of numbers that are all in order", () =>
    expectUnnoticed(async () => {
      const instance = `[${Array(1600).fill("0.1250").join(",")}]`;
      const body = `{"instances":[${Array(2600).fill(instance).join(",")}],"topK":1}`;
      const answer = await stack.ask(`/v1/models/${wide}/predictions`, json(body));
      expect(answer.body).toMatchObject({ status: 422, detail: expect.stringContaining("too many answers") as string });
    }));

  it("asks for a job of a hundred thousand empty layers, and for one of sixty thousand fields", () =>
    expectUnnoticed(async () => {
      const body = `{"dataset":"strokes","network":{"layers":[${"{},".repeat(100_000)}{}]}}`;
      expect((await stack.ask("/v1/jobs", json(body))).status).toBe(400);
      const fields = Array.from({ length: 60_000 }, (_, at) => `"k${at}":1`).join(",");
      const many = await stack.ask("/v1/jobs", json(`{"dataset":"strokes","metadata":{${fields}}}`));
      expect(many.body).toMatchObject({ status: 413, detail: expect.stringContaining("8192 fields") as string });
    }));
});

describe("reading", () => {
  it("contact sheets of a cold api", async () => {
    const cold = await stack.startApi();
    const own = startBeside(cold.url, ["/health/live"]);
    try {
      await expectUnnoticed(async () => {
        const sheets = Array.from({ length: 6 }, () => ask(cold.url, "/v1/datasets/mnist/samples.png?limit=1000"));
        expect((await Promise.all(sheets)).map(({ status }) => status)).toEqual(Array(6).fill(200));
      }, own);
    } finally {
      own.end();
      await cold.end();
    }
  });

  it("lists of jobs with long connection tables", () =>
    expectUnnoticed(async () => {
      const inputs = Array.from({ length: 500 }, () => Array.from({ length: 300 }, (_, at) => at));
      const layers = [
        { kind: "convolution", maps: 300, size: 1 },
        { kind: "convolution", maps: 500, size: 1, inputs },
        ...strokesNetwork.layers.slice(-1),
      ];
      const made: string[] = [];
      for (let number = 0; number < 20; number++) {
        const answer = await stack.ask("/v1/jobs", {
          body: { ...strokesJob, network: { layers }, checkpoints: {}, epochs: 1000 },
        });
        expect(answer.status).toBe(202);
        made.push(answer.body.id as string);
        await stack.ask(`/v1/jobs/${answer.body.id}/cancel`, { method: "POST" });
      }
      const summaries = await stack.ask("/v1/jobs?limit=300");
      expect(summaries.body.data.length).toBeGreaterThan(20);
      expect(summaries.bytes.length).toBeLessThan(mebibyte);
      expect(summaries.body.data[0].request.network.layers[1].inputs).toEqual({ connections: 150_000 });
      const whole = await stack.ask("/v1/jobs?limit=300&view=full");
      expect(whole.body.data[0].request.network.layers[1].inputs).toEqual(inputs);
      const one = await stack.ask(`/v1/jobs/${made[0]}`);
      expect(one.body.request.network.layers[1].inputs).toEqual(inputs);
    }));

  it("the events of a job that vanishes", async () => {
    const { id } = (await stack.ask("/v1/jobs", { body: { ...strokesJob, epochs: 100_000 } })).body;
    await stack.ask(`/v1/jobs/${id}/pause`, { method: "POST" });
    await until(
      () => stack.ask(`/v1/jobs/${id}`),
      ({ body }) => body.status === "paused",
      "the pause",
    );
    const seen = await fetch(`${stack.api.url}/v1/jobs/${id}/events`, { headers: { accept: "text/event-stream" } });
    const ended = seen.text();
    const log = createLog({ level: "silent", service: "test" });
    const redis = connectRedis({ url: stack.redis.url, role: "working", log });
    await redis.del(keys.job(id as string), keys.jobEvents(id as string));
    await closeRedis(redis);
    await expect(Promise.race([ended, sleep(240_000, "still open")])).resolves.not.toBe("still open");
  });
});

describe("a body that does not come", () => {
  const head = (path: string, length: number, type = "application/json") =>
    `POST ${path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: ${type}\r\ncontent-length: ${length}\r\n\r\n`;

  it("twenty of thirty megabytes, each unfinished", () =>
    expectUnnoticed(async () => {
      const answers = Array.from({ length: 20 }, async () => {
        const { socket, answer } = open();
        socket.write(head(`/v1/models/${wide}/predictions`, 31 * mebibyte));
        socket.write(`{"instances":[[${"0.1250,".repeat(1_400_000)}`);
        return answer;
      });
      const statuses = (await Promise.all(answers)).map((text) => text.slice(9, 12));
      // Those that find room stand still until their time is over; where all come at once there may be none.
      for (const status of statuses) expect(["408", "503"]).toContain(status);
      expect(statuses).toContain("503");
      const after = await stack.ask(`/v1/models/${wide}/predictions`, { body: { instances: [Array(1600).fill(0)] } });
      expect(after.status).toBe(200);
    }));

  it("three hundred uploads that break right after their headers", () =>
    expectUnnoticed(async () => {
      const part = '--x\r\ncontent-disposition: form-data; name="images"; filename="a"\r\n\r\n';
      for (let number = 0; number < 300; number++) {
        const { socket } = open();
        socket.write(head("/v1/datasets", 100_000, "multipart/form-data; boundary=x") + (number % 2 ? part : ""));
        setTimeout(() => socket.destroy(), 20);
        if (number % 20 === 19) await sleep(50);
      }
      await until(
        () => stack.ask("/v1/datasets?limit=1000"),
        ({ body }) => body.data.every(({ status }: { status: string }) => status !== "receiving"),
        "the broken uploads to be gone",
      );
    }));

  it("an upload whose api is killed can be sent again within seconds", async () => {
    const doomed = await stack.startApi();
    const { socket } = open(doomed.url);
    const key = "idempotency-key: again\r\n";
    socket.write(
      head("/v1/datasets", 100_000, "multipart/form-data; boundary=x").replace("content-type", `${key}content-type`),
    );
    await sleep(1000);
    await doomed.end("SIGKILL");
    const form = strokesForm({ fields: { alias: "again" } });
    const { body } = await until(
      () => stack.ask("/v1/datasets", { body: form, headers: { "idempotency-key": "again" } }),
      ({ body: { code } }) => code !== "idempotency-in-flight",
      "the lease to run out",
    );
    expect(body).toMatchObject({ object: "dataset" });
  });
});

describe("other people's pages", () => {
  const form = () => strokesForm({ fields: { name: "evil", alias: "evil" } });
  it.each([
    ["another origin", { origin: "http://evil.example" }],
    ["no origin that could be named", { origin: "null" }],
    ["a browser that says so", { "sec-fetch-site": "cross-site" }],
  ])("may not write: %s", async (_name, headers) => {
    const answer = await stack.ask("/v1/datasets", { body: form(), headers });
    expect(answer.body).toMatchObject({ status: 403, code: "cross-site" });
  });
  it("may read and write where they are ours", async () => {
    const { origin } = new URL(stack.api.url);
    const headers = { origin, "sec-fetch-site": "same-origin" };
    const answer = await stack.ask("/v1/jobs?dryRun=true", { body: strokesJob, headers });
    expect(answer.status).toBe(200);
  });
  it.each(["GET", "DELETE"])("are not served under a name of theirs: %s", async (method) => {
    const text = `${method} /v1/models/${model} HTTP/1.1\r\nhost: evil.example\r\nconnection: close\r\n\r\n`;
    expect(await send(text)).toMatch(/^HTTP\/1.1 421 [^]*"code":"misdirected"/);
    expect((await stack.ask(`/v1/models/${model}`)).status).toBe(200);
  });
});

describe("HTTP that is unusual", () => {
  const get = (headers: string, path = "/health/live") => `GET ${path} HTTP/1.1\r\n${headers}connection: close\r\n\r\n`;
  it.each([
    ["no Host", get(""), 400],
    ["two Hosts", get("host: localhost\r\nhost: evil.example\r\n"), 400],
    ["an expectation", get("host: localhost\r\nexpect: zebra\r\n"), 417],
    ["a tunnel", "CONNECT example.org:443 HTTP/1.1\r\nhost: example.org\r\n\r\n", 405],
    ["an encoding", get("host: localhost\r\ncontent-encoding: gzip\r\n", "/v1/jobs"), 415],
    ["a path that climbs", get("host: localhost\r\n", "/docs/static/../x"), 404],
    ["channels of a constructor", null, 400],
  ])("%s is a problem like the others", async (_name, text, status) => {
    if (text === null) {
      const answer = await stack.ask("/v1/datasets", { body: strokesForm({ fields: { channels: "constructor" } }) });
      expect(answer.body).toMatchObject({ status, errors: [{ pointer: "/channels" }] });
      return;
    }
    const answer = await send(text);
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(answer).toContain("content-type: application/problem+json");
  });
  it("promises nothing about TLS over plain HTTP", async () => {
    const { headers } = await stack.ask("/docs/");
    expect(headers.get("strict-transport-security")).toBeNull();
    expect(headers.get("content-security-policy")).not.toContain("upgrade-insecure-requests");
  });
  it("counts what it does not find", async () => {
    const limited = await stack.startApi({ RATE_LIMIT: "20" });
    const answers = [];
    for (let number = 0; number < 30; number++) answers.push(await ask(limited.url, "/nothing"));
    expect(answers.map(({ status }) => status)).toEqual([...Array(20).fill(404), ...Array(10).fill(429)]);
    await limited.end();
  });
});

describe("a world that fails", () => {
  it("damaged weights are called so, and the model is not ready", async () => {
    const folder = join(stack.redis.dir, "storage/models", wide);
    const file = (await readdir(folder)).find((name) => name.endsWith(".safetensors")) ?? "";
    const bytes = await readFile(join(folder, file));
    await writeFile(
      join(folder, file),
      bytes.map((byte, at) => (at > bytes.length - 9 ? byte ^ 1 : byte)),
    );
    const another = await stack.startApi();
    const answer = await ask(another.url, `/v1/models/${wide}/predictions`, {
      body: { instances: [Array(1600).fill(0)] },
    });
    expect(answer.body).toMatchObject({ status: 500, code: "stored-damaged" });
    expect((await ask(another.url, `/v2/models/${wide}/ready`)).body).toMatchObject({ ready: false });
    await another.end();
  });

  it("a log that nobody reads, and a stack that is gone", async () => {
    const child = fork(fileURLToPath(new URL("../../dist/services/api/main.js", import.meta.url)), [], {
      env: { ...process.env, ...stack.environment, PORT: "0", LOG_LEVEL: "trace" },
      stdio: ["ignore", "pipe", "pipe", "ipc"],
      execArgv: [],
    });
    const [line] = (await once(child.stdout ?? child, "data")) as [Buffer];
    const url = /http:\S+/.exec(line.toString())?.[0] ?? "";
    const own = startBeside(url, ["/health/live"]);
    await expectUnnoticed(async () => {
      for (let number = 0; number < 400; number++)
        await ask(url, `/v1/models/${wide}/predictions`, { body: { instances: [Array(1600).fill(0)] } });
    }, own);
    own.end();
    const exited = once(child, "exit");
    child.disconnect();
    const ended = await Promise.race([exited.then(() => true), sleep(240_000, false)]);
    child.kill("SIGKILL");
    expect(ended).toBe(true);
  });

  it("names no password, neither of a wrong address nor in what the client of Redis says", async () => {
    const wrong = async (url: string): Promise<string> => {
      const child = fork(fileURLToPath(new URL("../../dist/services/api/main.js", import.meta.url)), [], {
        env: { ...process.env, ...stack.environment, PORT: "0", REDIS_URL: url },
        stdio: ["ignore", "ignore", "pipe", "ipc"],
        execArgv: [],
      });
      let said = "";
      child.stderr?.on("data", (chunk: Buffer) => (said += chunk.toString()));
      const closed = once(child, "close");
      await until(
        async () => said,
        (text) => text !== "",
        "a word about Redis",
      );
      // What it says of the same connection next.
      await Promise.race([closed, sleep(1000)]);
      child.kill("SIGTERM");
      await closed;
      return said;
    };
    for (const url of ["redis//:hunter2secret@localhost", "redis://:hunter2secret@127.0.0.1:1"]) {
      const said = await wrong(url);
      expect(said).not.toContain("hunter2secret");
    }
  });
});

it("has given back its memory after a minute of quiet", async () => {
  beside.end();
  await expect
    .poll(async () => Math.round(((await residentBytes()) - restingBytes) / mebibyte), {
      timeout: 300_000,
      interval: 2000,
    })
    .toBeLessThan(100);
});
