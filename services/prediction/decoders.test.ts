import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import sharp from "sharp";
import { afterAll, afterEach, describe, expect, it, vi } from "vitest";
import type { Log } from "../shared/log.ts";
import { PictureError, readPicture } from "../shared/pictures.ts";
import { Decoders, type DecodersOptions } from "./decoders.ts";

const folder = mkdtempSync(join(tmpdir(), "decoders-"));
/** A decoder that dies of a picture of one byte, hangs on one of two, and answers the others by their length. */
const source = join(folder, "decoder.mjs");
writeFileSync(
  source,
  `process.on("disconnect", () => process.exit(0));
process.on("message", ({ id, bytes }) => {
  if (bytes.length === 1) process.exit(3);
  if (bytes.length === 2) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  const environment = Object.keys(process.env);
  process.send({ id, outcome: "done", sample: { pixels: new Uint8Array(0), environment, length: bytes.length } });
});`,
);
const made: Decoders[] = [];
const decoders = (options: Partial<DecodersOptions> = {}) => {
  const some = new Decoders({
    processes: 1,
    mostWaiting: 10,
    mostWaitMs: 60_000,
    limitMs: 200_000,
    restMs: 60_000,
    log: { info: () => undefined, warn: () => undefined },
    ...options,
  });
  made.push(some);
  return some;
};
const fake = { entry: pathToFileURL(source) };
afterEach(() => made.splice(0).forEach((each) => each.close()));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const wish = { channels: 1, height: 7, width: 5, fit: "fit", background: "black" } as const;
const bytes = (length: number) => new Uint8Array(length);

describe("Decoders", () => {
  it("read in another process what would be read here", async () => {
    const picture = await sharp({ create: { width: 31, height: 17, channels: 3, background: "#1256ee" } })
      .png()
      .toBuffer();
    const some = decoders();
    const sample = await some.read(picture, wish);
    expect({ ...sample, pixels: [...sample.pixels] }).toEqual({
      ...(await readPicture(picture, wish)),
      pixels: [...(await readPicture(picture, wish)).pixels],
    });
    await expect(some.read(Buffer.from("no picture"), wish)).rejects.toThrow(PictureError);
    expect(some.started).toBe(1);
  });
  it("give nothing of the service's environment to what reads strangers' files", async () => {
    vi.stubEnv("ADMIN_KEY", "secret");
    expect(await decoders(fake).read(bytes(3), wish)).toMatchObject({
      environment: expect.not.arrayContaining(["ADMIN_KEY"]) as string[],
    });
    vi.unstubAllEnvs();
  });
  it("say in our words what is wrong with a picture, and in the log what its decoder said", async () => {
    const picture = await sharp({ create: { width: 31, height: 17, channels: 4, background: "#1256ee" } })
      .png()
      .toBuffer();
    const info = vi.fn<Log["info"]>();
    const some = decoders({ log: { info, warn: () => undefined } });
    const ours =
      "found a PNG that cannot be read: it breaks off after 60 bytes, behind its part pHYs; expected a complete picture";
    await expect(some.read(picture.subarray(0, 60), wish)).rejects.toThrow(ours);
    expect(info.mock.calls).toEqual([
      [{ detail: ours, cause: expect.stringMatching(/./) as string }, "a picture could not be read"],
    ]);
    expect(JSON.stringify(info.mock.calls)).toMatch(/libpng|corrupt header/);
  });
  it("replace a process that dies of a picture, and go on with the next", async () => {
    const some = decoders(fake);
    const [dead, next] = await Promise.allSettled([some.read(bytes(1), wish), some.read(bytes(5), wish)]);
    expect(dead).toMatchObject({ status: "rejected", reason: { name: "PictureError" } });
    expect(next).toMatchObject({ status: "fulfilled", value: { length: 5 } });
    expect(some.started).toBe(2);
  });
  it("end one that takes too long", async () => {
    const some = decoders({ ...fake, limitMs: 10_000 });
    const [late, next] = await Promise.allSettled([some.read(bytes(2), wish), some.read(bytes(5), wish)]);
    expect(late).toMatchObject({ status: "rejected", reason: { message: expect.stringContaining("10 s") as string } });
    expect(next.status).toBe("fulfilled");
  });
  it("refuse more than may wait, and who waited too long", async () => {
    const some = decoders({ ...fake, mostWaiting: 1, mostWaitMs: 200, limitMs: 3000 });
    const all = await Promise.allSettled([2, 5, 5].map((length) => some.read(bytes(length), wish)));
    expect(all.map(({ status }) => status)).toEqual(["rejected", "rejected", "rejected"]);
    expect(all.slice(1)).toMatchObject([{ reason: { fault: "overloaded" } }, { reason: { fault: "overloaded" } }]);
  });
  it("work on as many at once as there are processes, and rest", async () => {
    const some = decoders({ ...fake, processes: 2, restMs: 50 });
    await Promise.all([4, 5, 6, 7].map((length) => some.read(bytes(length), wish)));
    expect([some.started, some.waiting]).toEqual([2, 0]);
    const startedFor = async (): Promise<number> => {
      await some.read(bytes(8), wish);
      return some.started;
    };
    await expect.poll(startedFor, { interval: 250, timeout: 30_000 }).toBe(3);
  });
  it("answer what is under way when they close", async () => {
    const some = decoders(fake);
    const hanging = some.read(bytes(2), wish);
    some.close();
    await expect(hanging).rejects.toMatchObject({ fault: "closed" });
  });
});
