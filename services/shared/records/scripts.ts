/**
 * The Lua that changes records, a file each in lua/: every change is one script, so it happens whole or not at all.
 * Scripts stand a repetition, because a connection that broke sends its unanswered commands again.
 */
import { readFileSync } from "node:fs";
import type { Redis } from "ioredis";
import { defaultProject } from "../../../schemas/access.ts";
import { jobTransitions } from "../../../schemas/job.ts";
import { luaOfForms } from "../forms.ts";
import { builtinPrefix } from "../ids.ts";
import { orderForms } from "../outbox.ts";
import { channelForms, keyForms } from "../redis-keys.ts";

export const scriptNames = [
  "begin-attempt",
  "begin-evaluation",
  "begin-sweep",
  "claim-idempotency",
  "clear-trial",
  "conclude-job",
  "count-request",
  "create-evaluation",
  "create-job",
  "create-resource",
  "create-sweep",
  "delete-evaluation",
  "delete-job",
  "delete-key",
  "delete-resource",
  "delete-sweep",
  "drop-checkpoints",
  "end-attempt",
  "end-trial",
  "hold-bytes",
  "keep-manifest",
  "migrate-records",
  "move-evaluation",
  "move-job",
  "move-sweep",
  "name-model",
  "note-sweep",
  "note-webhook",
  "patch-resource",
  "pin-checkpoint",
  "promote-trial",
  "publish-progress",
  "put-key",
  "put-project",
  "record-checkpoint",
  "renew-idempotency",
  "settle-job",
  "settle-sweep",
  "succeed-job",
  "take-turn",
  "use-keys",
  "warn-job",
] as const;
export type ScriptName = (typeof scriptNames)[number];

/** The build copies the files beside this one. */
const read = (name: ScriptName | "prelude"): string =>
  readFileSync(new URL(`./lua/${name}.lua`, import.meta.url), "utf8");

const tables = [
  `local transitions = cjson.decode('${JSON.stringify(jobTransitions)}')`,
  `local keys = ${luaOfForms(keyForms)}`,
  `local channels = ${luaOfForms(channelForms)}`,
  `local orders = ${luaOfForms(orderForms)}`,
  `local defaultProject, builtinPrefix = '${defaultProject}', '${builtinPrefix}'`,
];

/** The whole text of a script, as Redis gets it. */
export const scriptText = (name: ScriptName): string => [...tables, read("prelude"), read(name)].join("\n");

/** Runs a script: sent once a connection, then called by its digest. */
export function runScript(redis: Redis, name: ScriptName, args: readonly (string | number)[]): Promise<unknown> {
  const commands = redis as Redis & Record<string, ((...values: (string | number)[]) => Promise<unknown>) | undefined>;
  if (commands[name] === undefined) redis.defineCommand(name, { lua: scriptText(name), numberOfKeys: 0 });
  const command = commands[name];
  if (command === undefined) throw new Error(`the script ${name} could not be defined`);
  return command.call(redis, ...args);
}
