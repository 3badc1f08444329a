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

/** A field of a hash; `otherwise` where it is not there, as in records of before there was such a field. */
export const fieldOf = <Value>(text: string | undefined, otherwise: Value): Value =>
  text === undefined ? otherwise : (JSON.parse(text) as Value);

/** The answers to commands that were sent together. */
async function answersTo(pipeline: ReturnType<Redis["pipeline"]>): Promise<unknown[]> {
  const answers = (await pipeline.exec()) ?? [];
  return answers.map(([error, value]) => {
    if (error) throw error;
    return value;
  });
}

/** Several hashes in one round trip; null where there is none. */
export async function readHashes(redis: Redis, names: readonly string[]): Promise<(Record<string, string> | null)[]> {
  if (names.length === 0) return [];
  const pipeline = redis.pipeline();
  for (const name of names) pipeline.hgetall(name);
  return (await answersTo(pipeline)).map((value) => {
    const hash = value as Record<string, string>;
    return Object.keys(hash).length === 0 ? null : hash;
  });
}

/** Some fields of several hashes in one round trip; null where a field is not there. */
export async function readFields(
  redis: Redis,
  names: readonly string[],
  fields: readonly string[],
): Promise<(string | null)[][]> {
  if (names.length === 0) return [];
  const pipeline = redis.pipeline();
  for (const name of names) pipeline.hmget(name, ...fields);
  return (await answersTo(pipeline)) as (string | null)[][];
}

/** Several hashes without a field that may be long, in two round trips; null where there is none. */
export async function readHashesWithout(
  redis: Redis,
  names: readonly string[],
  field: string,
): Promise<(Record<string, string> | null)[]> {
  if (names.length === 0) return [];
  const asking = redis.pipeline();
  for (const name of names) asking.hkeys(name);
  const wanted = (await answersTo(asking)).map((fields) => (fields as string[]).filter((each) => each !== field));
  const reading = redis.pipeline();
  // A hash that is gone has no fields; HMGET wants one.
  for (const [at, name] of names.entries()) reading.hmget(name, ...(wanted[at].length > 0 ? wanted[at] : [field]));
  return (await answersTo(reading)).map((values, at) => {
    if (wanted[at].length === 0) return null;
    const entries = wanted[at].map((name, place) => [name, (values as (string | null)[])[place]] as const);
    return Object.fromEntries(entries.filter((entry): entry is readonly [string, string] => entry[1] !== null));
  });
}

/** How much there was to read. */
export const bytesOf = (hash: Readonly<Record<string, string>>): number =>
  Object.values(hash).reduce((sum, text) => sum + text.length, 0);
