import { createHmac } from "node:crypto";
import { createServer } from "node:http";
import type { IncomingMessage, Server } from "node:http";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ForbiddenAddress, allowedAddresses, isPublic } from "../../shared/webhooks/addresses.ts";
import { call } from "./call.ts";
import { webhookHeaders } from "./sign.ts";

let server: Server;
let base: string;
const received: { path: string; headers: IncomingMessage["headers"]; body: string }[] = [];

beforeAll(async () => {
  server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => (body += chunk.toString()));
    request.on("end", () => {
      received.push({ path: request.url ?? "", headers: request.headers, body });
      if (request.url === "/redirect") response.writeHead(307, { location: "/hook" }).end();
      else if (request.url === "/inside")
        response.writeHead(302, { location: "http://169.254.169.254/latest/meta-data" }).end();
      else if (request.url === "/loop") response.writeHead(307, { location: "/loop" }).end();
      else response.writeHead(request.url === "/bad" ? 500 : 204).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  base = `http://127.0.0.1:${typeof address === "object" && address ? address.port : 0}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

test("addresses of this machine and of private networks are not public, in any notation", () => {
  for (const address of [
    "127.0.0.1",
    "10.1.2.3",
    "172.31.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",
    "224.0.0.1",
    "255.255.255.255",
    "::1",
    "::",
    "fe80::1",
    "fd00::1",
    "::ffff:127.0.0.1",
    "64:ff9b::7f00:1",
    "2002:7f00:1::",
    "not an address",
  ])
    expect([address, isPublic(address)]).toEqual([address, false]);
  for (const address of ["93.184.216.34", "8.8.8.8", "172.32.0.1", "2606:2800:220:1::1"])
    expect([address, isPublic(address)]).toEqual([address, true]);
});

test("a name is judged by all it resolves to, a number by what it means", async () => {
  const resolve =
    (...addresses: string[]) =>
    async () =>
      addresses.map((address) => ({ address, family: 4 }));
  await expect(
    allowedAddresses(new URL("https://example.org/x"), {
      allowPrivate: false,
      resolve: resolve("93.184.216.34", "10.0.0.1"),
    }),
  ).rejects.toThrow(ForbiddenAddress);
  await expect(
    allowedAddresses(new URL("https://example.org/x"), { allowPrivate: false, resolve: resolve("93.184.216.34") }),
  ).resolves.toHaveLength(1);
  for (const url of ["http://2130706433/", "http://0x7f.1/", "http://[::ffff:7f00:1]/", "http://localhost/"])
    await expect(allowedAddresses(new URL(url), { allowPrivate: false })).rejects.toThrow(ForbiddenAddress);
});

test("the address that was judged is the one that is called, whatever the name says by then", async () => {
  const port = new URL(base).port;
  const status = await call({
    url: `http://hook.example:${port}/hook`,
    headers: {},
    body: "{}",
    allowPrivate: true,
    resolve: async () => [{ address: "127.0.0.1", family: 4 }],
  });
  expect(status).toBe(204);
  expect(received.at(-1)?.headers.host).toBe(`hook.example:${port}`);
});

test("redirects are followed and judged anew, loops and refusals end", async () => {
  const options = { headers: {}, body: "{}", allowPrivate: true };
  expect(await call({ ...options, url: `${base}/redirect` })).toBe(204);
  expect(received.at(-1)).toMatchObject({ path: "/hook", body: "{}" });
  expect(await call({ ...options, url: `${base}/bad` })).toBe(500);
  await expect(call({ ...options, url: `${base}/loop` })).rejects.toThrow("redirects");
  // The server of this test is private itself: it alone is allowed, what it points to is judged like any other.
  let allowed = 1;
  const onlyFirst = { ...options, url: `${base}/inside` };
  Object.defineProperty(onlyFirst, "allowPrivate", { get: () => allowed-- > 0 });
  await expect(call(onlyFirst)).rejects.toThrow(/169\.254\.169\.254 is at/);
  await expect(call({ ...options, url: `${base}/hook`, allowPrivate: false })).rejects.toThrow("WEBHOOK_ALLOW_PRIVATE");
});

test("signatures are those of Standard Webhooks", () => {
  const message = { id: "msg_1", timestamp: 1_700_000_000, body: '{"a":1}' };
  const key = Buffer.from("0123456789abcdef0123456789abcdef");
  const headers = webhookHeaders(message, `whsec_${key.toString("base64")}`);
  expect(headers["webhook-signature"]).toBe(
    `v1,${createHmac("sha256", key).update('msg_1.1700000000.{"a":1}').digest("base64")}`,
  );
  expect(headers).toMatchObject({ "webhook-id": "msg_1", "webhook-timestamp": "1700000000" });
  expect(webhookHeaders(message, null)).not.toHaveProperty("webhook-signature");
});
