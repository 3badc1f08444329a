/** `up`, `down`, `open`: the service on this machine. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import type { Command } from "../command.ts";
import { exitCodes, Failure } from "../failures.ts";
import { endBackground, runForeground, startBackground } from "../service.ts";

export const upCommand: Command = {
  name: "up",
  summary: "start the service on this machine",
  usage: "",
  takes: [0, 0],
  options: { background: { help: "and leave it running" } },
  example: "npx feature-maps up",
  notes: ["Settings come from the environment (docs/OPERATIONS.md): PORT, DATA_DIR, …"],
  run: async ({ given, out, signal, connect }) => {
    const there = await connect().catch((error: unknown) => {
      if (error instanceof Failure && error.code === exitCodes.unreachable) return null;
      throw error;
    });
    if (there) return out.say(`a service answers already at ${there.url}`);
    if (given.is("background")) {
      const { url, pid } = await startBackground(out);
      if (out.json) out.show({ url, pid });
      else out.say(url);
      return;
    }
    const code = await runForeground(signal);
    if (signal.aborted) throw new Failure(exitCodes.interrupted, "");
    if (code !== 0) throw new Failure(exitCodes.failed, `the service ended with code ${code}`);
  },
};

export const downCommand: Command = {
  name: "down",
  summary: "end the one that runs in the background",
  usage: "",
  takes: [0, 0],
  options: {},
  example: "npx feature-maps down",
  notes: ["Jobs that run go on when it is started again."],
  run: async ({ out }) => {
    const ended = await endBackground();
    if (out.json) out.show(ended);
    else out.say(ended === null ? "no service runs in the background here" : `the service at ${ended.url} has ended`);
  },
};

const pageOf = (id: string | undefined): string => {
  if (id === undefined) return "/";
  if (id.startsWith("job_")) return `/jobs/${id}`;
  if (id.startsWith("swp_")) return `/sweeps/${id}`;
  return id.startsWith("ds_") ? `/datasets/${id}` : `/models/${id}`;
};

const openers: Partial<Record<NodeJS.Platform, [string, string[]]>> = {
  darwin: ["open", []],
  win32: ["cmd", ["/c", "start", ""]],
};

export const openCommand: Command = {
  name: "open",
  summary: "the dashboard in a browser",
  usage: "[ID]",
  takes: [0, 1],
  options: {},
  example: "npx feature-maps open",
  notes: ["Prints the address; where there is no browser, open it elsewhere."],
  run: async ({ given, out, connect }) => {
    const { url } = await connect({ start: true });
    const address = `${url}${pageOf(given.arguments[0])}`;
    if (out.json) out.show({ url: address });
    else out.say(address);
    const [program, words] = openers[process.platform] ?? ["xdg-open", []];
    const browser = spawn(program, [...words, address], { stdio: "ignore", detached: true });
    await Promise.race([once(browser, "spawn"), once(browser, "error")]).catch(() => undefined);
    browser.unref();
  },
};
