/**
 * What stands in projects/{id}/manifest.json and keys/{id}/manifest.json: enough to rebuild projects with their limits,
 * and keys, of which only the hash is kept here too. Each key has an object of its own, so that whoever makes one after
 * a loss of Redis writes over no other.
 */
import type { Redis } from "ioredis";
import { z } from "zod";
import { key, limits, projectId } from "../../../schemas/access.ts";
import { timestamp } from "../../../schemas/ids.ts";
import { keys } from "../redis-keys.ts";
import { layout, putJson } from "../storage/index.ts";
import type { Storage } from "../storage/index.ts";
import { adminKeyId } from "./keys.ts";
import type { Records } from "./index.ts";
import { runScript } from "./scripts.ts";

export const projectManifest = z.strictObject({
  version: z.literal(1),
  project: z.strictObject({
    id: projectId,
    name: z.string(),
    limits,
    createdAt: timestamp.nullable(),
  }),
});

export const keyManifest = z.strictObject({
  version: z.literal(1),
  key: key.omit({ lastUsedAt: true }).extend({ digest: z.string().regex(/^[0-9a-f]{64}$/) }),
});

/** So many at a time. */
const most = 50;

async function keep(id: string, { records, storage }: { records: Records; storage: Storage }): Promise<void> {
  if (id.startsWith("prj_")) {
    const project = await records.projects.read(id);
    if (project) await putJson(storage, layout.projectManifest(id), { version: 1, project });
    return;
  }
  // The operator's comes from the environment.
  if (id === adminKeyId) return;
  const record = await records.keys.read(id);
  if (!record) return storage.delete(layout.keyManifest(id));
  const { lastUsedAt: _lastUsedAt, ...kept } = record;
  await putJson(storage, layout.keyManifest(id), { version: 1, key: kept });
}

/** Writes the manifests of projects and keys that changed, and deletes those of keys that were revoked. */
export async function keepAccess(redis: Redis, of: { records: Records; storage: Storage }): Promise<void> {
  const found = await redis.zrange(keys.unkept, "0", String(most - 1), "WITHSCORES");
  for (let at = 0; at < found.length; at += 2) {
    const [id, change] = [found[at], found[at + 1]];
    await keep(id, of);
    await runScript(redis, "keep-manifest", [id, change]);
  }
}
