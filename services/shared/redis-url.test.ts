import { expect, test } from "vitest";
import { parseRedisUrl } from "./redis-url.ts";

test("addresses of every kind are read", () => {
  expect(parseRedisUrl("redis://localhost")).toEqual({ host: "localhost", port: 6379 });
  expect(parseRedisUrl("rediss://me:p%40ss@[::1]:7000/3")).toEqual({
    host: "::1",
    port: 7000,
    username: "me",
    password: "p@ss",
    db: 3,
    tls: {},
  });
  expect(parseRedisUrl("unix:///run/a%20b/redis.sock")).toEqual({ path: "/run/a b/redis.sock" });
});

test("what is none is refused in a sentence that does not repeat it", () => {
  for (const url of [
    "redis://",
    "redis://:secret@",
    "redis://host:99999",
    "redis://host:x",
    "redis://host/seven",
    "redis://a:%zz@host",
    "unix://",
    "unix:///",
    "unix:///%zz",
    "http://host",
    "host:6379",
    "redis://ho st:secret",
  ])
    expect(() => parseRedisUrl(url), url).toThrow(/^expected redis:/);
});
