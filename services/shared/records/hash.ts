/**
 * Records as Redis hashes: a field of JSON for each field of the record, so that a part can be replaced without reading
 * the rest.
 */
import type { Redis } from "ioredis";

/** Field, value, field, value …; undefined is left out. */
export function toFields(record: Readonly<Record<string, unknown>>): string[] {
  const fields: string[] = [];
  for (const [name, value] of Object.entries(record)) if (value !== undefined) fields.push(name, JSON.stringify(value));
  return fields;
}

export function fromFields(hash: Readonly<Record<string, string>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(hash).map(([name, value]) => [name, JSON.parse(value)]));
}

/** Several hashes in one round trip; null where there is none. */
export async function readHashes(redis: Redis, names: readonly string[]): Promise<(Record<string, string> | null)[]> {
  if (names.length === 0) return [];
  const pipeline = redis.pipeline();
  for (const name of names) pipeline.hgetall(name);
  const answers = (await pipeline.exec()) ?? [];
  return answers.map(([error, value]) => {
    if (error) throw error;
    const hash = value as Record<string, string>;
    return Object.keys(hash).length === 0 ? null : hash;
  });
}
