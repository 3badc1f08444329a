/**
 * `npm run keys -- create --name NAME [--scope read|write|admin] [--project prj_…] [--expires TIME]`, `… -- list`,
 * `… -- revoke key_…`: keys without a key, for whoever reaches the Redis of the service.
 * REDIS_URL and DATA_DIR are those of the service; without REDIS_URL the Redis of a running `npm start` on DATA_DIR is
 * asked.
 */
import { parseArgs } from "node:util";
import { defaultProject, scope } from "../schemas/access.ts";
import { readConfig } from "../services/shared/config.ts";
import { createLog } from "../services/shared/log.ts";
import { createRecords, migrate, type Records } from "../services/shared/records/index.ts";
import { closeRedis, connectRedis } from "../services/shared/redis.ts";
import { redisOf } from "./redis-of.ts";
import { runCommand } from "./run-command.ts";

const usage = `expected one of
  npm run keys -- create --name NAME [--scope read|write|admin] [--project prj_…] [--expires 2027-01-31T00:00:00Z]
  npm run keys -- list
  npm run keys -- revoke key_…`;

/** What was typed is wrong; the message says what would be right. */
class WrongUse extends Error {
  override name = "WrongUse";
}

interface Given {
  name?: string | undefined;
  scope?: string | undefined;
  project?: string | undefined;
  expires?: string | undefined;
}

function timeOf(text: string): string {
  const time = Date.parse(text);
  if (!(time > Date.now()))
    throw new WrongUse(`--expires: expected a time to come, as in 2027-01-31T00:00:00Z, found '${text}'`);
  return new Date(time).toISOString();
}

async function create(records: Records, given: Given): Promise<string> {
  const { name, project = defaultProject, expires } = given;
  if (name === undefined || name === "" || name.length > 200)
    throw new WrongUse("--name: expected what a person calls the key, at most 200 characters");
  const read = scope.safeParse(given.scope ?? "write");
  if (!read.success) throw new WrongUse(`--scope: expected ${scope.options.join(", ")}, found '${given.scope}'`);
  if ((await records.projects.read(project)) === null) throw new WrongUse(`--project: there is no project ${project}`);
  const expiresAt = expires === undefined ? null : timeOf(expires);
  const { record, text } = await records.keys.create({ name, project, scope: read.data, expiresAt });
  process.stderr.write(`${record.id}: ${record.scope} in ${record.project}; the key is shown this once\n`);
  return `${text}\n`;
}

async function list(records: Records): Promise<string> {
  const lines: string[] = [];
  for (let after: string | undefined; ;) {
    const page = await records.keys.list({ limit: 1000, after, order: "asc" }, null);
    for (const { id, scope: allowed, project, name, lastUsedAt, expiresAt } of page.data)
      lines.push(
        `${id}  ${allowed.padEnd(5)}  ${project}  used ${lastUsedAt ?? "never"}  ends ${expiresAt ?? "never"}  ${name}`,
      );
    if (page.nextAfter === null) return lines.map((line) => `${line}\n`).join("");
    after = page.nextAfter;
  }
}

async function revoke(records: Records, id: string | undefined): Promise<string> {
  if (id === undefined) throw new WrongUse(usage);
  if ((await records.keys.delete(id)) === "missing") throw new WrongUse(`there is no key ${id}; list names them`);
  return `${id} is revoked\n`;
}

async function run(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      name: { type: "string" },
      scope: { type: "string" },
      project: { type: "string" },
      expires: { type: "string" },
    },
  });
  const [command, id] = positionals;
  if (command !== "create" && command !== "list" && command !== "revoke") throw new WrongUse(usage);
  const config = readConfig(process.env);
  const redis = connectRedis({
    url: redisOf(config, "start it first: keys stand in its Redis"),
    role: "working",
    log: createLog({ level: "error", service: "keys" }),
  });
  try {
    await migrate(redis);
    const records = createRecords(redis);
    const commands = {
      create: () => create(records, values),
      list: () => list(records),
      revoke: () => revoke(records, id),
    };
    process.stdout.write(await commands[command]());
  } finally {
    await closeRedis(redis);
  }
}

await runCommand(run, [WrongUse]);
