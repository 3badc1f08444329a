/** Who may do what: projects, keys, sessions. A key belongs to one project and sees nothing of another. */
import { z } from "zod";
import { timestamp } from "./ids.ts";
import { pageOf, pageQuery } from "./page.ts";

const ulid = "[0-9A-HJKMNP-TV-Z]{26}";

/** Where everything belongs that nobody put elsewhere. Its admin keys are the operator's. */
export const defaultProject = "prj_default";

export const projectId = z
  .string()
  .regex(new RegExp(`^prj_(default|${ulid})$`), `expected an id such as prj_01J9ZQ8… or ${defaultProject}`);
export const keyId = z.string().regex(new RegExp(`^key_${ulid}$`), "expected an id such as key_01J9ZQ8…");

/** A key as it is sent. Ours have 256 random bits; one of the operator's own making needs at least 128. */
export const keyText = z
  .string()
  .regex(
    /^fm_[A-Za-z0-9_-]{32,128}$/,
    "expected fm_ and then 32 to 128 random letters and digits, as from `echo fm_$(openssl rand -hex 32)`",
  );

export const scope = z.enum(["read", "write", "admin"]);
export type Scope = z.infer<typeof scope>;

const scopeMeaning =
  "read: look and predict; write: also make and change things; admin: also the project's keys, in prj_default all keys and projects";

export const key = z.strictObject({
  id: keyId.describe("id of the key; it names the key without giving it away"),
  object: z.literal("key").describe("always key"),
  name: z.string().describe("what a person calls it"),
  project: projectId.describe("project whose things it reaches"),
  scope: scope.describe(scopeMeaning),
  createdAt: timestamp.describe("when it was made, ISO 8601 in UTC"),
  lastUsedAt: timestamp.nullable().describe("when it was last used, to within seconds; null where it never was"),
  expiresAt: timestamp.nullable().describe("when it ends; null where it does not"),
});
export type Key = z.infer<typeof key>;
export const keyPage = pageOf(key);
export const keysQuery = pageQuery;

/** The answer to the making of a key: the one time that it is shown. */
export const madeKey = key.extend({
  key: keyText.describe("the key itself: shown this once, kept only as a hash"),
});
export type MadeKey = z.infer<typeof madeKey>;

export const keyRequest = z
  .strictObject({
    name: z.string().min(1).max(200).describe("what a person calls it"),
    project: projectId.optional().describe("project whose things it reaches; by default that of the key that asks"),
    scope: scope.default("write").describe(`${scopeMeaning}; write by default`),
    expiresAt: timestamp.nullable().optional().describe("when it ends; null, as by default, where it does not"),
  })
  .meta({ examples: [{ name: "nightly trainings", scope: "write", expiresAt: "2030-01-31T00:00:00.000Z" }] });
export type KeyRequest = z.output<typeof keyRequest>;

const amount = z.int().min(0).max(Number.MAX_SAFE_INTEGER).nullable();

/** null: no limit. */
export const limits = z.strictObject({
  requestsPerMinute: z.int().min(1).max(100_000_000).nullable().describe("requests in a minute; null for any number"),
  queuedJobs: amount.describe("jobs that wait at once; null for any number"),
  runningJobs: amount.describe("jobs that run at once, the others wait; null for any number"),
  storedBytes: amount.describe("bytes of datasets, checkpoints, models and predictions; null for any number"),
  predictionsAtOnce: amount.describe("requests for predictions under way at once; null for any number"),
});
export type Limits = z.infer<typeof limits>;
export type LimitName = keyof Limits;

export const noLimits: Limits = {
  requestsPerMinute: null,
  queuedJobs: null,
  runningJobs: null,
  storedBytes: null,
  predictionsAtOnce: null,
};

export const usage = z.strictObject({
  requestsPerMinute: z.int().describe("requests in the present minute; counted only where there is a limit"),
  queuedJobs: z.int().describe("jobs that wait"),
  runningJobs: z.int().describe("jobs that a worker has"),
  storedBytes: z.int().describe("bytes of datasets, checkpoints, models and predictions"),
  predictionsAtOnce: z.int().describe("requests for predictions under way; counted only where there is a limit"),
});
export type Usage = z.infer<typeof usage>;

export const project = z.strictObject({
  id: projectId.describe("id of the project"),
  object: z.literal("project").describe("always project"),
  name: z.string().describe("what a person calls it"),
  limits: limits.describe("how much it may use"),
  usage: usage.describe("how much it uses now"),
  createdAt: timestamp.nullable().describe("when it was made, ISO 8601 in UTC; null for the one that was always there"),
});
export type Project = z.infer<typeof project>;
export const projectPage = pageOf(project);
export const projectsQuery = pageQuery;

const name = z.string().min(1).max(200).describe("what a person calls it");
const changedLimits = limits.partial();

export const projectRequest = z
  .strictObject({
    name,
    limits: changedLimits.optional().describe("how much it may use; what is left out has no limit"),
  })
  .meta({ examples: [{ name: "vision", limits: { queuedJobs: 100, runningJobs: 4, storedBytes: 50_000_000_000 } }] });
export const projectChanges = z
  .strictObject({
    name: name.optional(),
    limits: changedLimits.optional().describe("limits to change; null lifts one"),
  })
  .meta({ examples: [{ limits: { runningJobs: 8, queuedJobs: null } }] });

/** A browser that sends the key once and is known by a cookie from then on. */
export const sessionRequest = z
  .strictObject({
    key: z.string().max(200).optional().describe("the key, where it does not come as Authorization: Bearer"),
  })
  .nullish()
  .meta({ examples: [{ key: `fm_${"0".repeat(43)}` }] });
export const session = z.strictObject({
  object: z.literal("session").describe("always session"),
  auth: z.enum(["none", "keys"]).describe("whether the service asks for keys at all"),
  project: project.describe("the project that is reached"),
  scope: scope.describe(scopeMeaning),
  key: key.nullable().describe("the key that is used; null where none is needed"),
  expiresAt: timestamp.nullable().describe("when the session or key ends; null where it does not"),
});
export type Session = z.infer<typeof session>;
