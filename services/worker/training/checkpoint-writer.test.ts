import { describe, expect, it } from "vitest";
import { createLog } from "../../shared/log.ts";
import type { CheckpointRecord, Records } from "../../shared/records/index.ts";
import { limitReached, type Refusal } from "../../shared/refusal.ts";
import { StorageError, type Storage } from "../../shared/storage/index.ts";
import type { Snapshot } from "../threads/protocol.ts";
import { CheckpointWriter } from "./checkpoint-writer.ts";

/** A project and a disk with as much room as they are given. */
function written() {
  const kept = new Map<number, CheckpointRecord>();
  const held = new Map<string, number>();
  const room: { project: boolean; disk: boolean } = { project: true, disk: true };
  const warnings: string[] = [];
  const ended: string[] = [];
  const tooMuch: Refusal = limitReached("storedBytes", { most: 9, used: 8 });
  const writer = new CheckpointWriter({
    jobId: "job_1",
    attempt: 1,
    request: { checkpoints: { everyEpochs: 1, everySeconds: null, keepLast: 9, keepBest: 1 }, validation: null },
    records: {
      attempts: {
        hold: (_job: string, _attempt: number, { name, bytes }: { name: string; bytes: number }) => {
          if (bytes > 0 && !room.project) return Promise.resolve(tooMuch);
          held.set(name, bytes);
          return Promise.resolve("ok");
        },
      },
      checkpoints: {
        record: (_job: string, record: CheckpointRecord) => {
          kept.set(record.step, record);
          held.set(String(record.step), 0);
          return Promise.resolve("ok");
        },
        list: () => Promise.resolve([...kept.values()]),
        drop: () => Promise.resolve([]),
      },
    } as unknown as Records,
    storage: {
      put: (key: string) =>
        room.disk
          ? Promise.resolve({ key, bytes: 3, sha256: "" })
          : Promise.reject(new StorageError("full", key, "there is no space left")),
      delete: () => Promise.resolve(),
    } as unknown as Storage,
    log: createLog({ level: "silent", service: "test" }),
    phases: { checkpoint: () => undefined },
    elapsedSeconds: () => 1,
    acknowledge: () => undefined,
    warn: (code, detail) => void warnings.push(`${code}: ${detail}`),
    fenced: () => void ended.push("fenced"),
    full: (detail) => void ended.push(detail),
  });
  const write = (step: number, { best, isNeeded = false }: { best: number | null; isNeeded?: boolean }) => {
    const snapshot: Snapshot = {
      bytes: new Uint8Array(3),
      epoch: step,
      step,
      loss: 1,
      accuracy: 0.5,
      validation: null,
      listed: true,
      isBest: best === step,
      isNeeded,
      best: best === null ? null : { epoch: best, step: best, loss: 1, accuracy: 0.5 },
    };
    writer.write(snapshot);
    return writer.drained();
  };
  return { write, writer, room, warnings, ended, steps: () => [...kept.keys()], held: () => [...held.values()] };
}

describe("checkpoints without room", () => {
  it.each(["project", "disk"] as const)("are left out, which is said once, and hold none (%s)", async (where) => {
    const { write, room, warnings, ended, steps, held } = written();
    await write(1, { best: null });
    room[where] = false;
    await write(2, { best: null });
    await write(3, { best: null });
    room[where] = true;
    await write(4, { best: null });
    expect([steps(), ended, held().filter((bytes) => bytes > 0)]).toEqual([[1, 4], [], []]);
    expect(warnings).toEqual([
      expect.stringMatching(/^storage: a checkpoint of 3 bytes has no room: .*goes on without/),
    ]);
  });

  it("take those with them that would lack the best weights", async () => {
    const { write, room, steps } = written();
    await write(1, { best: 1 });
    room.project = false;
    await write(2, { best: 2 });
    room.project = true;
    await write(3, { best: 2 });
    await write(4, { best: 4 });
    await write(5, { best: 4 });
    expect(steps()).toEqual([1, 4, 5]);
  });

  it("end the job that would wait with them", async () => {
    const { write, room, warnings, ended, steps } = written();
    room.project = false;
    await write(1, { best: null, isNeeded: true });
    expect([steps(), warnings]).toEqual([[], []]);
    expect(ended).toEqual([expect.stringMatching(/has no room: storedBytes/)]);
  });

  it("are waited for where they are needed and the disk is full", async () => {
    const { write, writer, room, ended, steps } = written();
    room.disk = false;
    const writing = write(1, { best: null, isNeeded: true });
    room.disk = true;
    await writing;
    expect([steps(), ended]).toEqual([[1], []]);
    writer.giveUp();
  });
});
