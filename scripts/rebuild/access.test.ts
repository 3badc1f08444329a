/** Redis lost projects and keys: they come back with names, limits and hashes; what was revoked does not. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { noLimits } from "../../schemas/access.ts";
import { newId } from "../../services/shared/ids.ts";
import { createLog } from "../../services/shared/log.ts";
import { keepAccess } from "../../services/shared/records/access-manifests.ts";
import { createRecords, migrate, type Records } from "../../services/shared/records/index.ts";
import { digestOfKey } from "../../services/shared/records/keys.ts";
import { closeRedis, connectRedis, type Redis } from "../../services/shared/redis.ts";
import { createStorage, type Storage } from "../../services/shared/storage/index.ts";
import { startTestRedis, type TestRedis } from "../../tests/support/redis.ts";
import { rebuild } from "./rebuild.ts";

let server: TestRedis;
let redis: Redis;
let records: Records;
let storage: Storage;
let folder: string;
beforeAll(async () => {
  server = await startTestRedis();
  redis = connectRedis({ url: server.url, role: "working", log: createLog({ level: "silent", service: "test" }) });
  records = createRecords(redis);
  folder = await mkdtemp(join(tmpdir(), "access-"));
  storage = createStorage({ storageUrl: pathToFileURL(folder).href, dataDir: folder });
});
afterAll(async () => {
  await closeRedis(redis);
  await server.stop();
  await rm(folder, { recursive: true });
});

/** What a service does when it starts on an emptied Redis, with an ADMIN_KEY, before anybody rebuilds. */
async function loseAndStart(): Promise<void> {
  await redis.flushall();
  await migrate(redis);
  await records.keys.putAdmin(`fm_${"a".repeat(40)}`);
  await keepAccess(redis, { records, storage });
}

test("a project comes back with its name, limits and the keys that it had when it was lost", async () => {
  await migrate(redis);
  const project = newId("project");
  const limits = { ...noLimits, queuedJobs: 7, storedBytes: 0 };
  await records.projects.create({ id: project, name: "first", limits: noLimits, createdAt: new Date().toISOString() });
  await records.projects.patch(project, { name: "vision", limits });
  await records.projects.patch("prj_default", { limits: { ...noLimits, runningJobs: 3 } });
  const entry = { project, scope: "write", expiresAt: null } as const;
  const kept = await records.keys.create({ ...entry, name: "ci" });
  const revoked = await records.keys.create({ ...entry, name: "lost" });
  await keepAccess(redis, { records, storage });
  await records.keys.delete(revoked.record.id);
  await keepAccess(redis, { records, storage });
  const named = { project: await records.projects.read(project), default: await records.projects.read("prj_default") };

  await loseAndStart();
  const later = await records.keys.create({ ...entry, project: "prj_default", name: "made since" });
  expect(await records.projects.read(project)).toBeNull();
  const found = await rebuild({ redis, records, storage });
  expect(found).toMatchObject({ projects: 2, keys: 1, problems: [] });
  expect({
    project: await records.projects.read(project),
    default: await records.projects.read("prj_default"),
  }).toEqual(named);
  expect(await records.keys.findByDigest(digestOfKey(kept.text))).toEqual(kept.record);
  expect(await records.keys.findByDigest(digestOfKey(revoked.text))).toBeNull();
  expect(await records.keys.findByDigest(digestOfKey(later.text))).toEqual(later.record);
  expect(await rebuild({ redis, records, storage })).toMatchObject({ projects: 0, keys: 0, problems: [] });
  // No object has a key in it.
  for await (const { key } of storage.list(""))
    expect(Buffer.from(await storage.get(key)).toString()).not.toContain(kept.text);
});
