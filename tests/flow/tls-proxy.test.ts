/** docker/proxy/nginx.conf before the api, where nginx and openssl are there: TLS, events, long bodies, who asks. */
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { freePort } from "../support/redis-servers.ts";
import { startStackWithStrokes, strokesJob } from "../support/strokes.ts";
import { until, type Api, type Stack } from "../support/stack.ts";

const folders = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin"];
const find = (name: string) => folders.map((each) => join(each, name)).find((path) => existsSync(path));
const [nginx, openssl] = [find("nginx"), find("openssl")];
const isThere = nginx !== undefined && openssl !== undefined;
if (!isThere) process.stderr.write("tls-proxy.test.ts is LEFT OUT: it needs nginx and openssl on this machine\n");

const host = "maps.example.org";
const key = `fm_${"k".repeat(40)}`;
const authorization = `Bearer ${key}`;

describe.runIf(isThere)("behind nginx", () => {
  let stack: Stack;
  let api: Api;
  let folder: string;
  let proxy: ChildProcess;
  let ports: { plain: number; tls: number };

  beforeAll(async () => {
    stack = await startStackWithStrokes({ environment: { ALLOWED_HOSTS: host, TRUST_PROXY: "127.0.0.1" } });
    api = await stack.startApi({ AUTH: "keys", ADMIN_KEY: key });
    folder = await mkdtemp(join(tmpdir(), "proxy-"));
    const [certificate, secret] = [join(folder, "cert.pem"), join(folder, "key.pem")];
    const subject = ["-subj", `/CN=${host}`, "-days", "1", "-nodes", "-newkey", "rsa:2048"];
    execFileSync(openssl ?? "", ["req", "-x509", ...subject, "-keyout", secret, "-out", certificate], {
      stdio: "ignore",
    });
    ports = { plain: await freePort(), tls: await freePort() };
    const site = readFileSync(new URL("../../docker/proxy/nginx.conf", import.meta.url), "utf8")
      .replace(/^ *listen \[::\].*\n/gm, "")
      .replace("listen 80;", `listen 127.0.0.1:${ports.plain};`)
      .replace("listen 443 ssl;", `listen 127.0.0.1:${ports.tls} ssl;`)
      .replace("127.0.0.1:3000", new URL(api.url).host)
      .replace(/\/etc\/letsencrypt\/\S+\/fullchain\.pem/, certificate)
      .replace(/\/etc\/letsencrypt\/\S+\/privkey\.pem/, secret);
    const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
      (name) => `${name}_temp_path ${join(folder, name)};`,
    );
    const user = process.getuid?.() === 0 ? "user root;\n" : "";
    const file = join(folder, "nginx.conf");
    await writeFile(
      file,
      `${user}daemon off;\npid ${join(folder, "pid")};\nevents {}\nhttp {\naccess_log off;\n${temporary.join("\n")}\n${site}}\n`,
    );
    proxy = spawn(nginx ?? "", ["-p", folder, "-e", join(folder, "error.log"), "-c", file], { stdio: "ignore" });
    await until(
      async () => (await answerOnce("/health/live").catch(() => null))?.statusCode,
      (status) => status === 200,
      "nginx before the api",
    );
  });
  afterAll(async () => {
    const exited = once(proxy, "exit");
    proxy.kill("SIGTERM");
    await exited;
    await stack.stop();
    await rm(folder, { recursive: true, force: true, maxRetries: 10 });
  });

  interface Asking {
    method?: string;
    headers?: Record<string, string>;
    body?: Buffer | string;
  }

  /** The head of the answer; its body is still to come. */
  const answerOnce = (path: string, { method = "GET", headers = {}, body }: Asking = {}): Promise<IncomingMessage> =>
    new Promise((resolve, reject) => {
      const sent = request(
        {
          host: "127.0.0.1",
          port: ports.tls,
          path,
          method,
          servername: host,
          rejectUnauthorized: false,
          headers: { host, ...headers },
        },
        resolve,
      );
      sent.once("error", reject);
      sent.end(body);
    });
  /** Asked again where the service says that it is overloaded: the machine may do other work too. */
  const answerTo = (path: string, asking?: Asking): Promise<IncomingMessage> =>
    until(
      async () => {
        const answer = await answerOnce(path, asking);
        if (answer.statusCode === 503) answer.resume();
        return answer;
      },
      ({ statusCode }) => statusCode !== 503,
      `an answer to ${path}`,
    );
  const json = async (answer: IncomingMessage) => {
    let text = "";
    for await (const piece of answer) text += String(piece);
    return JSON.parse(text);
  };

  test("a session's cookie is for TLS alone; plain HTTP is sent over", async () => {
    const answer = await answerTo("/v1/session", {
      method: "POST",
      headers: { authorization, "content-type": "application/json" },
      body: "{}",
    });
    expect(answer.statusCode).toBeLessThan(300);
    expect(answer.headers["set-cookie"]?.[0]).toMatch(/HttpOnly.*Secure|Secure.*HttpOnly/);
    answer.resume();
    const plain = await new Promise<IncomingMessage>((resolve, reject) => {
      const sent = httpRequest({ host: "127.0.0.1", port: ports.plain, path: "/docs", headers: { host } }, resolve);
      sent.once("error", reject);
      sent.end();
    });
    plain.resume();
    expect([plain.statusCode, plain.headers.location]).toEqual([301, `https://${host}/docs`]);
  });

  test("events come while the stream is open, and nobody can say that he is someone else", async () => {
    await Promise.all(stack.workers.map((worker) => worker.end()));
    const headers = { authorization, "content-type": "application/json", "x-forwarded-for": "6.6.6.6" };
    const made = await json(await answerTo("/v1/jobs", { method: "POST", headers, body: JSON.stringify(strokesJob) }));
    const stream = await answerTo(`/v1/jobs/${made.id}/events`, {
      headers: { authorization, accept: "text/event-stream" },
    });
    expect(stream.headers["content-type"]).toContain("text/event-stream");
    // It never ends by itself: no worker is there. What arrives was not held back.
    let read = "";
    stream.on("data", (piece: Buffer) => (read += piece.toString()));
    await until(
      async () => read,
      (text) => /^id: 1$/m.test(text),
      "the first event",
    );
    stream.destroy();
    const audited = await until(
      async () => api.lines.filter((line) => line.includes('"audit"') && line.includes(made.id)),
      (lines) => lines.length > 0,
      "a line of the audit",
    );
    expect(audited.map((line) => (JSON.parse(line) as { audit: { from: string } }).audit.from)).toEqual(["127.0.0.1"]);
  });

  test("a body that is longer than a proxy's usual megabyte passes", async () => {
    const edge = "edge";
    const large = Buffer.alloc(8 * 2 ** 20, "1,2,3\n");
    const part = `--${edge}\r\ncontent-disposition: form-data; name="file"; filename="large.csv"\r\n\r\n`;
    const answer = await answerTo("/v1/datasets", {
      method: "POST",
      headers: { authorization, "content-type": `multipart/form-data; boundary=${edge}` },
      body: Buffer.concat([Buffer.from(part), large, Buffer.from(`\r\n--${edge}--\r\n`)]),
    });
    const body = await json(answer);
    expect([answer.statusCode, body.object]).toEqual([202, "dataset"]);
  });
});
