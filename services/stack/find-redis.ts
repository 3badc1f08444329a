/** Where a Redis server is: on PATH, or in the distribution's package, unpacked into the data folder. */
import { execFile } from "node:child_process";
import { constants } from "node:fs";
import { access, mkdir, readdir, rm } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import type { Logger } from "../shared/log.ts";

const run = promisify(execFile);

async function onPath(name: string): Promise<string | null> {
  for (const folder of (process.env["PATH"] ?? "").split(delimiter)) {
    const path = join(folder, name);
    if (
      folder !== "" &&
      (await access(path, constants.X_OK).then(
        () => true,
        () => false,
      ))
    )
      return path;
  }
  return null;
}

export interface Server {
  path: string;
  libraries: string | null;
  description: string;
}

/** Packages that the server needs; libraries whose names differ between releases are optional. */
const packages = ["redis-server", "redis-tools", "libjemalloc2", "liblzf1", "libatomic1"];
const optionalPackages = [
  "libssl3",
  "libssl3t64",
  "libsystemd0",
  "liblua5.1-0",
  "libhiredis0.14",
  "lua-cjson",
  "lua-bitop",
];

async function findUnpacked(root: string): Promise<Server | null> {
  const path = join(root, "usr/bin/redis-server");
  if (
    !(await access(path, constants.X_OK).then(
      () => true,
      () => false,
    ))
  )
    return null;
  const below = await readdir(join(root, "usr/lib")).catch(() => []);
  const libraries = [join(root, "usr/lib"), ...below.map((name) => join(root, "usr/lib", name))].join(":");
  return { path, libraries, description: "the distribution's redis-server, unpacked into the data folder" };
}

/**
 * Debian and Ubuntu: fetches the packages with apt (without root, with lists of its own) and unpacks them. null where
 * that cannot be done.
 */
async function unpackRedis(dataDir: string, log: Logger): Promise<Server | null> {
  const root = join(dataDir, "redis-package");
  const present = await findUnpacked(root);
  if (present) return present;
  if (!(await onPath("apt-get")) || !(await onPath("dpkg-deb"))) return null;
  log.info("fetching the distribution's redis-server with apt");
  const work = join(root, "apt");
  try {
    await mkdir(join(work, "lists/partial"), { recursive: true });
    await mkdir(join(work, "cache/archives/partial"), { recursive: true });
    const settings = [
      "-o",
      `Dir::State::Lists=${join(work, "lists")}`,
      "-o",
      `Dir::Cache=${join(work, "cache")}`,
      "-o",
      "Debug::NoLocking=1",
      "-o",
      "APT::Sandbox::User=",
    ];
    const options = { cwd: work, timeout: 300_000 };
    await run("apt-get", [...settings, "-qq", "update"], options);
    await run("apt-get", [...settings, "-qq", "download", ...packages], options);
    for (const name of optionalPackages)
      await run("apt-get", [...settings, "-qq", "download", name], options).catch(() => {});
    for (const name of await readdir(work))
      if (name.endsWith(".deb")) await run("dpkg-deb", ["-x", join(work, name), root]);
    return await findUnpacked(root);
  } catch (error) {
    log.info({ err: error }, "the distribution's redis-server could not be fetched");
    return null;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

export async function findServer(dataDir: string, log: Logger): Promise<Server | null> {
  for (const name of ["redis-server", "valkey-server"]) {
    const path = await onPath(name);
    if (path) return { path, libraries: null, description: `${name} (${path})` };
  }
  return unpackRedis(dataDir, log);
}
