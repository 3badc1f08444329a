/**
 * The world misbehaves: a full disk, a folder that refuses, a clock that jumps, a storage that answers 500. The user
 * sees why, and nothing is lost.
 */
import { execFileSync } from "node:child_process";
import { cpSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { appendFile, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, request } from "node:http";
import type { Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import S3rver from "s3rver";
import { afterEach, expect, test } from "vitest";
import { until } from "../support/stack.ts";
import { slowJob, startTrial } from "../support/trials.ts";
import type { Trial } from "../support/trials.ts";

/** Some seconds: long enough that a misfortune meets the job under way. */
const epochs = 120;
let clearing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const clear of clearing.toReversed()) await clear();
  clearing = [];
});

async function start(environment: Record<string, string> = {}): Promise<Trial> {
  const trial = await startTrial({ workers: 1, environment });
  clearing.push(() => trial.stop());
  return trial;
}

async function quietRun(trial: Trial): Promise<string> {
  const { body } = await trial.ask("/v1/jobs", { body: slowJob({ epochs }) });
  return (await trial.ended(body.id)).receipt.weights;
}

async function underWay(trial: Trial): Promise<string> {
  const { body } = await trial.ask("/v1/jobs", { body: slowJob({ epochs }) });
  await until(
    () => trial.ask(`/v1/jobs/${body.id}`),
    (answer) => answer.body.progress?.epoch >= 3,
    "a job under way",
  );
  return body.id;
}

/** Waits for a warning, and before each look does what keeps the misfortune going. */
const warned = (trial: Trial, id: string, pattern: RegExp, meanwhile?: () => Promise<void>) =>
  until(
    async () => {
      await meanwhile?.();
      return (await trial.ask(`/v1/jobs/${id}/events?limit=1000`)).body.data as {
        type: string;
        data: { detail?: string };
      }[];
    },
    (events) => events.some(({ type, data }) => type === "warning" && pattern.test(data.detail ?? "")),
    "a warning",
  );

/**
 * Puts a file where a folder is. Whoever writes there may make the folder anew in between: then that one goes away too.
 * The answer puts everything back.
 */
function obstruct(folder: string): () => void {
  const away: string[] = [];
  for (let obstructed = false; !obstructed;) {
    away.push(`${folder}-away-${away.length}`);
    renameSync(folder, away.at(-1)!);
    try {
      writeFileSync(folder, "a file where a folder should be", { flag: "wx" });
      obstructed = true;
    } catch {
      continue;
    }
  }
  return () => {
    rmSync(folder);
    for (const place of away) {
      cpSync(place, folder, { recursive: true });
      rmSync(place, { recursive: true });
    }
  };
}

test("a folder that refuses: the job says so, waits, and ends with the same bits when it can write again", async () => {
  const trial = await start();
  const quiet = await quietRun(trial);
  const id = await underWay(trial);
  const restore = obstruct(join(trial.redis.dir, "storage", "jobs", id));
  await warned(trial, id, /could not be written/);
  restore();
  const ended = await trial.ended(id);
  expect(ended).toMatchObject({ status: "succeeded", receipt: { weights: quiet } });
  expect(ended.attempts).toHaveLength(1);
});

function mountSmall(folder: string): boolean {
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=6m", "tmpfs", folder], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

/**
 * Takes all space, to the last byte; again and again, for the job itself lets old checkpoints go and may so make room
 * for new ones.
 */
async function fill(path: string): Promise<void> {
  for (const bytes of [1024 * 1024, 4096, 1])
    for (let room = true; room;)
      room = await appendFile(path, Buffer.alloc(bytes)).then(
        () => true,
        () => false,
      );
}

test("a full disk: the job says so, a cancel still works at once, and with space it goes on", async ({ skip }) => {
  const folder = await mkdtemp(join(tmpdir(), "small-"));
  clearing.push(() => rm(folder, { recursive: true, force: true }));
  if (!mountSmall(folder)) return skip("this user may not mount a small disk");
  clearing.push(async () => execFileSync("umount", ["-l", folder]));
  const trial = await start({ STORAGE_URL: pathToFileURL(folder).href, MIN_FREE_BYTES: "4" });
  const quiet = await quietRun(trial);
  const id = await underWay(trial);
  const filler = join(folder, "filler");
  await warned(trial, id, /no space left/, () => fill(filler));
  const other = await trial.ask(`/v1/jobs/${id}`);
  expect(other.body.status).toBe("running");
  await rm(filler);
  expect(await trial.ended(id)).toMatchObject({ status: "succeeded", receipt: { weights: quiet } });
  const doomed = await underWay(trial);
  await warned(trial, doomed, /no space left/, () => fill(filler));
  expect((await trial.ask(`/v1/jobs/${doomed}/cancel`, { method: "POST" })).status).toBe(202);
  expect(await trial.ended(doomed)).toMatchObject({ status: "cancelled" });
  await rm(filler);
});

test("a clock that jumps an hour forth and back disturbs neither progress nor bits", async () => {
  const trial = await startTrial({ workers: 0 });
  clearing.push(() => trial.stop());
  const script = join(trial.redis.dir, "clock.mjs");
  await writeFile(
    script,
    "let shift = 0; const real = Date.now; Date.now = () => real() + shift; setInterval(() => { shift = shift === 0 ? 3_600_000 : shift > 0 ? -3_600_000 : 0; }, 700).unref();",
  );
  trial.startWorker({ NODE_OPTIONS: `--import=${pathToFileURL(script).href}` });
  const { body } = await trial.ask("/v1/jobs", { body: slowJob({ epochs, seed: 4 }) });
  const jumped = await trial.ended(body.id);
  expect(jumped).toMatchObject({ status: "succeeded" });
  expect(jumped.attempts).toHaveLength(1);
  expect(jumped.result.seconds).toBeLessThan(300);
  const { body: again } = await trial.ask(`/v1/jobs/${body.id}/reproduce`, { method: "POST" });
  expect(await trial.ended(again.id)).toMatchObject({ reproduction: { agrees: true } });
});

/** An S3 server behind a door that can answer 500. */
async function moodyBucket(): Promise<{ url: string; mood: { good: boolean } }> {
  const folder = await mkdtemp(join(tmpdir(), "bucket-"));
  await mkdir(join(folder, "maps"), { recursive: true });
  const bucket = new S3rver({
    port: 0,
    address: "127.0.0.1",
    silent: true,
    directory: folder,
    configureBuckets: [{ name: "maps", configs: [] }],
  });
  const { port } = await bucket.run();
  const mood = { good: true };
  const door: Server = createServer((asked, answer) => {
    if (!mood.good) {
      asked.resume();
      answer.writeHead(500).end();
      return;
    }
    const through = request(
      { host: "127.0.0.1", port, path: asked.url ?? "/", method: asked.method ?? "GET", headers: asked.headers },
      (response) => {
        answer.writeHead(response.statusCode ?? 500, response.headers);
        response.pipe(answer);
      },
    );
    asked.pipe(through);
  });
  await new Promise<void>((resolve) => door.listen(0, "127.0.0.1", resolve));
  clearing.push(async () => {
    door.closeAllConnections();
    door.close();
    await bucket.close();
    await rm(folder, { recursive: true, force: true });
  });
  const address = door.address();
  return {
    url: `s3://maps?endpoint=http://127.0.0.1:${typeof address === "object" && address ? address.port : 0}`,
    mood,
  };
}

test("a storage that answers 500 for a while: the job says so and ends with the same bits", async () => {
  process.env["AWS_ACCESS_KEY_ID"] = "S3RVER";
  process.env["AWS_SECRET_ACCESS_KEY"] = "S3RVER";
  const { url, mood } = await moodyBucket();
  const trial = await start({ STORAGE_URL: url });
  const quiet = await quietRun(trial);
  const id = await underWay(trial);
  mood.good = false;
  await warned(trial, id, /could not be written/);
  mood.good = true;
  expect(await trial.ended(id)).toMatchObject({ status: "succeeded", receipt: { weights: quiet } });
});
