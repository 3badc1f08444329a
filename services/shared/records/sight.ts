/** What is seen: the records of one project, or of all. Workers and scripts see all, a request sees its project's. */
import type { Redis } from "ioredis";
import { defaultProject, type LimitName } from "../../../schemas/access.ts";
import { isBuiltin } from "../ids.ts";
import { limitReached, type Refusal } from "../refusal.ts";

export interface Sight {
  redis: Redis;
  /** null: all projects. */
  project: string | null;
}

/** The refusal where a script answers that a limit of the project is reached: `limit:name:most:used`. */
export function refusalOf(answer: unknown): Refusal | null {
  const found = typeof answer === "string" ? /^limit:(\w+):(\d+):(\d+)$/.exec(answer) : null;
  return found && limitReached(found[1] as LimitName, { most: Number(found[2]), used: Number(found[3]) });
}

export function refuseReached(answer: unknown): void {
  const refusal = refusalOf(answer);
  if (refusal) throw refusal;
}

/** Records from before there were projects say nothing. */
export const projectOf = ({ project }: { project?: string | undefined }): string => project ?? defaultProject;

/** Whether a hash may be seen; a built-in dataset by everybody. `text` is the hash's field `project`. */
export const isSeen = ({ project }: Sight, id: string, text: string | null | undefined): boolean =>
  project === null || isBuiltin(id) || project === (text == null ? defaultProject : (JSON.parse(text) as string));

/** Whether what stands under a key may be changed: built-in datasets by the default project alone. */
export async function isOwn({ redis, project }: Sight, key: string): Promise<boolean> {
  if (project === null) return true;
  const text = await redis.hget(key, "project");
  return project === (text === null ? defaultProject : (JSON.parse(text) as string));
}
