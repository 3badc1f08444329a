/** Where a Redis is, from redis://, rediss://, unix:///path or redis+sentinel://. */
import type { RedisOptions } from "ioredis";

const form =
  "expected redis://[user:password@]host:port[/db], rediss://…, unix:///path/to/socket, or of Sentinels redis+sentinel://[user:password@]host:port,host:port/name[/db][?sentinelPassword=…]";

const redisPort = 6379;
const sentinelPort = 26_379;

type Options = { [Name in keyof RedisOptions]?: RedisOptions[Name] };

/** Who asks, and which database, as every kind of address says it. */
function sharedOptions(of: { username: string; password: string; database: string; tls: boolean }): Options {
  if (!/^\d{0,5}$/.test(of.database)) throw new Error(form);
  return {
    ...(of.username === "" ? {} : { username: decodeURIComponent(of.username) }),
    ...(of.password === "" ? {} : { password: decodeURIComponent(of.password) }),
    ...(of.database === "" ? {} : { db: Number(of.database) }),
    ...(of.tls ? { tls: {} } : {}),
  };
}

const withoutBrackets = (host: string): string => host.replace(/^\[|\]$/g, "");

/** user:password@ are those of the Redis; what the Sentinels themselves ask for stands behind the question mark. */
const sentinelForm =
  /^(rediss?)\+sentinel:\/\/(?:([^:@/?#]*)(?::([^@/?#]*))?@)?([^@/?#\s]+)\/([^/?#\s]+)(?:\/([^/?#]*))?(?:\?([^#]*))?$/;

function sentinelOptions(url: string): Options {
  const [, scheme, username = "", password = "", hosts = "", name = "", database = "", query = ""] =
    sentinelForm.exec(url) ?? [];
  const sentinels = hosts.split(",").map((each) => {
    // Each is read as an address of its own: hosts in brackets, ports in their range.
    const { hostname, port } = new URL(`redis://${each}`);
    if (hostname === "") throw new Error(form);
    return { host: withoutBrackets(hostname), port: port === "" ? sentinelPort : Number(port) };
  });
  const { sentinelUsername, sentinelPassword, ...others } = Object.fromEntries(new URLSearchParams(query));
  if (name === "" || Object.keys(others).length > 0) throw new Error(form);
  const tls = scheme === "rediss";
  return {
    ...sharedOptions({ username, password, database, tls }),
    sentinels,
    name: decodeURIComponent(name),
    // A primary that is cut off does not know that it is none any more: the Sentinels say it.
    failoverDetector: true,
    ...(sentinelUsername === undefined ? {} : { sentinelUsername }),
    ...(sentinelPassword === undefined ? {} : { sentinelPassword }),
    ...(tls ? { enableTLSForSentinelMode: true, sentinelTLS: {} } : {}),
  };
}

/** Throws an Error that says what is wrong, without the address: a password may stand in it. */
export function parseRedisUrl(url: string): RedisOptions {
  try {
    if (/^rediss?\+sentinel:/.test(url)) return sentinelOptions(url);
    const at = new URL(url);
    if (at.protocol === "unix:" && at.host === "" && at.pathname.length > 1)
      return { path: decodeURIComponent(at.pathname) };
    if (!["redis:", "rediss:"].includes(at.protocol) || at.hostname === "") throw new Error(form);
    return {
      host: withoutBrackets(at.hostname),
      port: at.port === "" ? redisPort : Number(at.port),
      ...sharedOptions({
        username: at.username,
        password: at.password,
        database: at.pathname.replace(/^\/|\/$/g, ""),
        tls: at.protocol === "rediss:",
      }),
    };
  } catch {
    throw new Error(form);
  }
}
