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

test("the Redis that Sentinels watch is asked of them", () => {
  expect(parseRedisUrl("redis+sentinel://one,two:7001,[::1]:7002/maps")).toEqual({
    sentinels: [
      { host: "one", port: 26_379 },
      { host: "two", port: 7001 },
      { host: "::1", port: 7002 },
    ],
    name: "maps",
    failoverDetector: true,
  });
  expect(
    parseRedisUrl("rediss+sentinel://me:p%40ss@one/my%20maps/3?sentinelUsername=s&sentinelPassword=q%26w"),
  ).toMatchObject({
    username: "me",
    password: "p@ss",
    db: 3,
    name: "my maps",
    tls: {},
    sentinelUsername: "s",
    sentinelPassword: "q&w",
    enableTLSForSentinelMode: true,
  });
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
    "redis+sentinel://host",
    "redis+sentinel://host/",
    "redis+sentinel:///maps",
    "redis+sentinel://a,,b/maps",
    "redis+sentinel://a:99999/maps",
    "redis+sentinel://a/maps/seven",
    "redis+sentinel://a/maps?secret=hunter2",
    "redis+sentinel://:%zz@a/maps",
    "http+sentinel://a/maps",
  ])
    expect(() => parseRedisUrl(url), url).toThrow(/^expected redis:/);
});
