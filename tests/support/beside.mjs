/**
 * The client beside: asks the same paths again and again, in a process of its own so that nothing else holds it up, and
 * writes a line of JSON for every answer. Arguments: the url, then the paths.
 */
import { Agent, get } from "node:http";

const [url, ...paths] = process.argv.slice(2);
const pauseMs = 100;
const patienceMs = 60_000;
const agent = new Agent({ keepAlive: true });

const ask = (path) =>
  new Promise((resolve) => {
    const began = performance.now();
    const done = (status) => resolve({ path, status, ms: Math.round(performance.now() - began) });
    const request = get(new URL(path, url), { agent, timeout: patienceMs }, (answer) => {
      answer.resume();
      answer.once("end", () => done(answer.statusCode));
    });
    request.once("timeout", () => request.destroy());
    request.once("error", () => done(0));
  });

process.once("disconnect", () => process.exit(0));
for (const path of paths) {
  void (async () => {
    for (;;) {
      process.send(await ask(path));
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  })();
}
