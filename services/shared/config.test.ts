import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { ConfigError, environmentSchema, readConfig, requireAuth } from "./config.ts";

const refusal = (environment: Record<string, string>): string => {
  try {
    readConfig(environment);
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  throw new Error("it was accepted");
};

test("defaults: port 3000 on this machine alone, data beside, storage inside the data", () => {
  const config = readConfig({ DATA_DIR: "/somewhere/data", WORKER_SLOTS: "" });
  expect(config).toMatchObject({
    port: 3000,
    host: "127.0.0.1",
    redisUrl: null,
    storageUrl: "file:///somewhere/data/storage",
    kernels: "auto",
    worker: { slots: 1 },
  });
});

test("every wrong value is named with what would be right", () => {
  const message = refusal({ PORT: "80a", REDIS_URL: "localhost", WEBHOOK_ALLOW_PRIVATE: "yes" });
  expect(message).toContain("PORT=80a: expected a whole number from 0 to 65535");
  expect(refusal({ PORT: "70000", WORKER_SLOTS: "0", MAX_CLASSES: "0", LOG_LEVEL: "loud" })).toBe(
    [
      "The configuration cannot be used.",
      "  PORT=70000: expected a whole number from 0 to 65535",
      "  LOG_LEVEL=loud: expected fatal, error, warn, info, debug, trace or silent",
      "  WORKER_SLOTS=0: expected a whole number from 1 to 64",
      "  MAX_CLASSES=0: expected a whole number from 1 to 65536",
    ].join("\n"),
  );
  expect(message).toContain("REDIS_URL: expected redis://[user:password@]host:port");
  expect(refusal({ REDIS_URL: "redis//:hunter2@localhost" })).not.toContain("hunter2");
  expect(message).toContain("WEBHOOK_ALLOW_PRIVATE=yes: expected true or false");
});

test("what several processes of an api share has to be enough for each", () => {
  expect(readConfig({}).apiProcesses).toBe(1);
  expect(readConfig({ API_PROCESSES: "8" })).toMatchObject({ apiProcesses: 8 });
  expect(refusal({ API_PROCESSES: "9", BODY_MEMORY_MIB: "512", PREDICTION_CACHE_MIB: "100" })).toBe(
    [
      "The configuration cannot be used.",
      "  BODY_MEMORY_MIB=512: is shared by API_PROCESSES=9; expected at least 576, 64 each",
      "  PREDICTION_CACHE_MIB=100: is shared by API_PROCESSES=9; expected at least 144, 16 each",
    ].join("\n"),
  );
  expect(refusal({ API_PROCESSOS: "2" })).toContain("API_PROCESSOS: there is no such setting");
});

test("a misspelt name is refused with those that exist; what containers inject is not", () => {
  expect(refusal({ WORKER_SLOT: "2" })).toContain(
    "WORKER_SLOT: there is no such setting; known are WORKER_SLOTS, WORKER_CHECKS",
  );
  expect(() =>
    readConfig({
      REDIS_SERVICE_HOST: "10.0.0.1",
      REDIS_PORT: "tcp://10.0.0.1:6379",
      REDIS_PORT_6379_TCP_ADDR: "10.0.0.1",
      API_KEY: "x",
      API_PORT: "tcp://10.0.0.2:3000",
    }),
  ).not.toThrow();
});

test("whoever can be reached by others must say who may use it", () => {
  for (const HOST of ["127.0.0.1", "127.8.9.1", "::1", "localhost", "maps.localhost"])
    expect([HOST, requireAuth(readConfig({ HOST }))]).toEqual([HOST, "none"]);
  for (const HOST of ["0.0.0.0", "::", "192.168.0.7", "maps.example.org", "127.0.0.1.example.org"]) {
    expect(() => requireAuth(readConfig({ HOST }))).toThrow(/AUTH=keys, with ADMIN_KEY=.*or AUTH=none/);
    expect(requireAuth(readConfig({ HOST, AUTH: "none" }))).toBe("none");
    expect(requireAuth(readConfig({ HOST, AUTH: "keys" }))).toBe("keys");
  }
  // In a container the api listens everywhere, and is published where PUBLISH says.
  expect(requireAuth(readConfig({ HOST: "0.0.0.0", PUBLISH: "127.0.0.1:3000" }))).toBe("none");
  for (const PUBLISH of ["0.0.0.0:8080", "8080:", "[::]:80", "10.0.0.1:3000"])
    expect(() => requireAuth(readConfig({ HOST: "0.0.0.0", PUBLISH }))).toThrow("AUTH=keys");
  const message = refusal({ ADMIN_KEY: "fm_too-short-hunter2" });
  expect(message).toContain("ADMIN_KEY: expected fm_ and then 32 to 128");
  expect(message).not.toContain("hunter2");
});

test("docs/OPERATIONS.md has every variable in its table, and no other", () => {
  const table = readFileSync(new URL("../../docs/OPERATIONS.md", import.meta.url), "utf8").matchAll(
    /^\| `([A-Z][A-Z_]+)` +\| (.*?) +\|/gm,
  );
  const documented = new Map([...table].map(([, name, value]) => [name, value]));
  expect([...documented.keys()].sort()).toEqual(Object.keys(environmentSchema.shape).sort());
  const defaults = environmentSchema.parse({});
  for (const [name, value] of documented)
    if (/^\d+$/.test(value ?? ""))
      expect([name, defaults[name as keyof typeof defaults]]).toEqual([name, Number(value)]);
});
