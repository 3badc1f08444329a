/**
 * The client beside: asks the same paths again and again, in a process of its own so that nothing else holds it up, and
 * sends its parent every answer. It asks a server that does nothing too, in a third process: what that one's answers
 * take is the machine's doing. Arguments: the url, then the paths. With the one argument `idle` it is that server.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { Agent, createServer, get } from "node:http";
import { fileURLToPath } from "node:url";

const [url, ...paths] = process.argv.slice(2);
const pauseMs = 100;
const patienceMs = 60_000;
const agent = new Agent({ keepAlive: true });

const ask = (at, path) =>
  new Promise((resolve) => {
    const began = performance.now();
    const done = (status) => resolve({ path, status, ms: Math.round(performance.now() - began) });
    const request = get(new URL(path, at), { agent, timeout: patienceMs }, (answer) => {
      answer.resume();
      answer.once("end", () => done(answer.statusCode));
    });
    request.once("timeout", () => request.destroy());
    request.once("error", () => done(0));
  });

async function askAgainAndAgain(at, path) {
  for (;;) {
    process.send(await ask(at, path));
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}

process.once("disconnect", () => process.exit(0));
if (url === "idle") {
  const server = createServer((_request, answer) => answer.end());
  server.listen(0, "127.0.0.1", () => process.send(server.address().port));
} else {
  const idle = fork(fileURLToPath(import.meta.url), ["idle"], { execArgv: [] });
  const [port] = await once(idle, "message");
  void askAgainAndAgain(`http://127.0.0.1:${port}`, "idle");
  for (const path of paths) void askAgainAndAgain(url, path);
}
