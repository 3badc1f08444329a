/** Where a Redis is, from redis://, rediss:// or unix:///path. */
import type { RedisOptions } from "ioredis";

const form = "expected redis://[user:password@]host:port[/db], rediss://… or unix:///path/to/socket";

/** Throws an Error that says what is wrong, without the address: a password may stand in it. */
export function parseRedisUrl(url: string): RedisOptions {
  try {
    const at = new URL(url);
    if (at.protocol === "unix:" && at.host === "" && at.pathname.length > 1)
      return { path: decodeURIComponent(at.pathname) };
    const database = at.pathname.replace(/^\/|\/$/g, "");
    if (!["redis:", "rediss:"].includes(at.protocol) || at.hostname === "" || !/^\d{0,5}$/.test(database))
      throw new Error(form);
    return {
      host: at.hostname.replace(/^\[|\]$/g, ""),
      port: at.port === "" ? 6379 : Number(at.port),
      ...(at.username === "" ? {} : { username: decodeURIComponent(at.username) }),
      ...(at.password === "" ? {} : { password: decodeURIComponent(at.password) }),
      ...(database === "" ? {} : { db: Number(database) }),
      ...(at.protocol === "rediss:" ? { tls: {} } : {}),
    };
  } catch {
    throw new Error(form);
  }
}
