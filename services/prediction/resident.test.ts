import { afterEach, describe, expect, it } from "vitest";
import { ResidentThread } from "./resident.ts";

const source = `
import { parentPort } from "node:worker_threads";
parentPort.on("message", ({ id, kind, input }) => {
  if (kind === "die") process.exit(3);
  if (kind === "throw") setImmediate(() => { throw new Error("outside of any call"); });
  if (kind === "hang") for (;;);
  if (kind === "refuse") parentPort.postMessage({ id, ok: false, refused: true, detail: "no", pointer: "/layers/0" });
  if (kind === "echo") parentPort.postMessage({ id, ok: true, output: input });
});`;
const entry = new URL(`data:text/javascript,${encodeURIComponent(source)}`);
const made: ResidentThread[] = [];
const thread = (mostWaiting = 10) => {
  const resident = new ResidentThread({
    entry,
    name: "test",
    workerData: null,
    mostWaiting,
    log: { warn: () => undefined },
  });
  made.push(resident);
  return resident;
};
afterEach(() => Promise.all(made.splice(0).map((each) => each.close())));
/** Long: a thread may take its time to start where all tests run at once. */
const limit = { milliseconds: 20_000 };

describe("ResidentThread", () => {
  it("answers in order and keeps one thread", async () => {
    const resident = thread();
    expect(await Promise.all([1, 2, 3].map((each) => resident.call("echo", each, limit)))).toEqual([1, 2, 3]);
    expect(resident.started).toBe(1);
  });
  it.each(["die", "throw"])("replaces a thread that died (%s) and answers what it was doing", async (how) => {
    const resident = thread();
    await expect(resident.call(how, null, limit)).rejects.toMatchObject({ fault: "failed" });
    expect(await resident.call("echo", 5, limit)).toBe(5);
    expect(resident.started).toBe(2);
  });
  it("ends what takes too long, and what waited behind it still runs", async () => {
    const resident = thread();
    const slow = resident.call("hang", null, { milliseconds: 100 });
    const behind = resident.call("echo", 6, limit);
    await expect(slow).rejects.toMatchObject({ fault: "timeout" });
    expect(await behind).toBe(6);
  });
  it("refuses more than may wait", async () => {
    const resident = thread(1);
    const all = await Promise.allSettled([1, 2, 3].map((each) => resident.call("echo", each, limit)));
    expect(all.map((each) => each.status)).toEqual(["fulfilled", "fulfilled", "rejected"]);
  });
  it("passes a refusal on with its pointer", async () => {
    await expect(thread().call("refuse", null, limit)).rejects.toMatchObject({
      fault: "refused",
      pointer: "/layers/0",
      message: "no",
    });
  });
  it("answers what is under way when it closes", async () => {
    const resident = thread();
    const hanging = resident.call("hang", null, limit);
    const [ended] = await Promise.allSettled([hanging, resident.close()]);
    expect(ended).toMatchObject({ status: "rejected", reason: { fault: "closed" } });
  });
});
