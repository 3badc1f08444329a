import { afterEach, describe, expect, it } from "vitest";
import { ResidentThread, type ResidentOptions } from "./resident.ts";

const source = `
import { parentPort } from "node:worker_threads";
let calls = 0;
parentPort.on("message", ({ id, kind, input }) => {
  calls += 1;
  const answer = (outcome, more) => parentPort.postMessage({ id, heldBytes: 1000, outcome, ...more });
  if (kind === "die") process.exit(3);
  if (kind === "throw") setImmediate(() => { throw new Error("outside of any call"); });
  if (kind === "hang") for (;;);
  if (kind === "refuse") answer("refused", { detail: "no", pointer: "/layers/0" });
  if (kind === "echo") answer("done", { output: input });
  if (kind === "fresh") answer(calls > 1 ? "full" : "done", { output: input });
  if (kind === "always full") answer("full", {});
});`;
const entry = new URL(`data:text/javascript,${encodeURIComponent(source)}`);
const made: ResidentThread[] = [];
const thread = (options: Partial<ResidentOptions> = {}) => {
  const resident = new ResidentThread({
    entry,
    name: "test",
    workerData: null,
    mostWaiting: 10,
    mostWaitMs: 60_000,
    rest: { afterMs: 60_000, keptBytes: 0, warm: false },
    log: { info: () => undefined, warn: () => undefined },
    ...options,
  });
  made.push(resident);
  return resident;
};
const giving = (value: unknown) => () => value;
afterEach(() => Promise.all(made.splice(0).map((each) => each.close())));
/** Long: a thread may take its time to start where all tests run at once. */
const limit = { milliseconds: 200_000 };

describe("ResidentThread", () => {
  it("answers in order and keeps one thread", async () => {
    const resident = thread();
    expect(await Promise.all([1, 2, 3].map((each) => resident.call("echo", giving(each), limit)))).toEqual([1, 2, 3]);
    expect(resident.started).toBe(1);
  });
  it.each(["die", "throw"])("replaces a thread that died (%s) and answers what it was doing", async (how) => {
    const resident = thread();
    await expect(resident.call(how, giving(null), limit)).rejects.toMatchObject({ fault: "failed" });
    expect(await resident.call("echo", giving(5), limit)).toBe(5);
    expect(resident.started).toBe(2);
  });
  it("ends what takes too long, and what waited behind it still runs", async () => {
    const resident = thread();
    const slow = resident.call("hang", giving(null), { milliseconds: 100 });
    const behind = resident.call("echo", giving(6), limit);
    await expect(slow).rejects.toMatchObject({ fault: "timeout" });
    expect(await behind).toBe(6);
  });
  it("refuses more than may wait", async () => {
    const resident = thread({ mostWaiting: 1 });
    const all = await Promise.allSettled([1, 2, 3].map((each) => resident.call("echo", giving(each), limit)));
    expect(all.map((each) => each.status)).toEqual(["fulfilled", "fulfilled", "rejected"]);
  });
  it("passes a refusal on with its pointer", async () => {
    await expect(thread().call("refuse", giving(null), limit)).rejects.toMatchObject({
      fault: "refused",
      pointer: "/layers/0",
      message: "no",
    });
  });
  it("answers what is under way when it closes", async () => {
    const resident = thread();
    const hanging = resident.call("hang", giving(null), limit);
    const [ended] = await Promise.allSettled([hanging, resident.close()]);
    expect(ended).toMatchObject({ status: "rejected", reason: { fault: "closed" } });
  });
  it("reads what a call needs when its turn has come, and not before", async () => {
    const resident = thread();
    const read: number[] = [];
    let open: (value: unknown) => void = () => undefined;
    const first = resident.call("echo", () => new Promise((resolve) => (open = resolve)), limit);
    const second = resident.call("echo", () => read.push(2), limit);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(read).toEqual([]);
    open("first");
    expect(await first).toBe("first");
    expect(await second).toBe(1);
  });
  it("gives a failed reading to its call alone", async () => {
    const resident = thread();
    const broken = resident.call("echo", () => Promise.reject(new Error("storage is away")), limit);
    const behind = resident.call("echo", giving(8), limit);
    await expect(broken).rejects.toThrow("storage is away");
    expect(await behind).toBe(8);
  });
  it("refuses whoever waited too long, and goes on with the others", async () => {
    const resident = thread({ mostWaitMs: 50 });
    const slow = resident.call("hang", giving(null), { milliseconds: 400 });
    await expect(resident.call("echo", giving(1), limit)).rejects.toMatchObject({ fault: "overloaded" });
    expect(resident.waiting).toBe(1);
    await expect(slow).rejects.toMatchObject({ fault: "timeout" });
    expect(await resident.call("echo", giving(2), limit)).toBe(2);
  });
  it("asks a new thread where the memories of the old one leave no room, once", async () => {
    const resident = thread();
    expect(await resident.call("fresh", giving(1), limit)).toBe(1);
    expect(await resident.call("fresh", giving(2), limit)).toBe(2);
    expect(resident.started).toBe(2);
    await expect(resident.call("always full", giving(3), limit)).rejects.toMatchObject({ fault: "failed" });
    expect(await resident.call("echo", giving(4), limit)).toBe(4);
  });
  it.each([
    [500, 0],
    [1000, 1000],
  ])("at rest keeps no more than %i bytes", async (keptBytes, left) => {
    const resident = thread({ rest: { afterMs: 30, keptBytes, warm: true } });
    await resident.call("echo", giving(1), limit);
    expect(resident.heldBytes).toBe(1000);
    await new Promise((resolve) => setTimeout(resolve, 150));
    await expect.poll(() => resident.heldBytes).toBe(left);
    expect(await resident.call("echo", giving(2), limit)).toBe(2);
  });
});
