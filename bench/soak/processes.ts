/** Memory of the processes of a stack, where the system shows them in /proc (Linux). */
import { existsSync, readFileSync, readdirSync } from "node:fs";

const read = (path: string): string => {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
};

/** Which processes have this address of Redis in their environment or on their command line. */
export function findProcesses(workerPid: number): Map<string, number> {
  const found = new Map<string, number>();
  const address = /(?:^|\0)REDIS_URL=unix:\/\/([^\0]+)/.exec(read(`/proc/${workerPid}/environ`))?.[1];
  if (address === undefined || !existsSync("/proc")) return found;
  for (const name of readdirSync("/proc").filter((each) => /^\d+$/.test(each))) {
    const command = read(`/proc/${name}/cmdline`);
    // The server names itself with its address once it listens.
    if (/^[^\0]*redis-server/.test(command) && command.includes(decodeURI(address))) found.set("redis", Number(name));
    if (!read(`/proc/${name}/environ`).includes(address)) continue;
    const service = /services\/(api|worker)\/main\.js/.exec(command)?.[1];
    if (service !== undefined) found.set(service, Number(name));
  }
  return found;
}

/** Resident memory in MiB; null where the process is gone. */
export function residentMiB(pid: number): number | null {
  const kibibytes = /^VmRSS:\s+(\d+) kB$/m.exec(read(`/proc/${pid}/status`))?.[1];
  return kibibytes === undefined ? null : Number(kibibytes) / 1024;
}
