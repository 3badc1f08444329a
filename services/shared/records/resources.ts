/** Records of datasets and models: what is alike in both. */
import { defaultProject } from "../../../schemas/access.ts";
import { isBuiltin } from "../ids.ts";
import { keys } from "../redis-keys.ts";
import { bytesOf, fromFields, readHashes, toFields } from "./hash.ts";
import { filterOf, type Listing } from "./filters.ts";
import type { Made } from "./origin.ts";
import { readPage, type Page } from "./paging.ts";
import { runScript } from "./scripts.ts";
import { isOwn, isSeen, projectOf, refuseReached, type Sight } from "./sight.ts";

export type Kind = "dataset" | "model";
export type Deleted =
  | { kind: "missing" }
  /** The evaluations that went with a model. */
  | { kind: "deleted"; evaluations: string[] }
  | { kind: "in-use"; users: string[] };

type Hash = Readonly<Record<string, string>>;

/** How an entry stands in its hash. */
export interface EntryForm<Entry> {
  fieldsOf: (entry: Entry) => Promise<Readonly<Record<string, unknown>>>;
  entryOf: (hash: Hash) => Promise<Entry>;
}

/** A field of JSON for each of its own, beside the name of the delivery that stands for it. */
const plainForm = <Entry extends object>(): EntryForm<Entry> => ({
  fieldsOf: async (entry) => ({ ...entry }) as Readonly<Record<string, unknown>>,
  entryOf: async ({ ticket: _ticket, ...fields }) => fromFields(fields) as Entry,
});

/** What records have besides what the API shows. */
export interface Kept extends Made {
  /** The project that it belongs to; absent in those from before there were projects. */
  project?: string;
  /** Bytes that count for it. */
  stored?: number;
}

export class ResourceRecords<Entry extends Kept & { id: string; alias: string | null }> {
  readonly #redis: Sight["redis"];
  readonly #sight: Sight;
  readonly #kind: Kind;
  readonly #form: EntryForm<Entry>;
  constructor(sight: Sight, kind: Kind, form: EntryForm<Entry> = plainForm()) {
    this.#redis = sight.redis;
    this.#sight = sight;
    this.#kind = kind;
    this.#form = form;
  }

  /** `needs`: the dataset that may not be deleted while this stands. `expectedBytes`: what it will take up at least. */
  async create(
    entry: Entry,
    options: { needs?: string; expectedBytes?: number } = {},
  ): Promise<"created" | "exists" | "alias-taken"> {
    const answer = await runScript(this.#redis, "create-resource", [
      this.#sight.project ?? projectOf(entry),
      this.#kind,
      entry.id,
      entry.alias ?? "",
      options.needs ?? "",
      options.expectedBytes ?? 0,
      ...toFields(await this.#form.fieldsOf(entry)),
    ]);
    refuseReached(answer);
    return answer as "created" | "exists" | "alias-taken";
  }

  async read(id: string): Promise<Entry | null> {
    const [hash] = await readHashes(this.#redis, [keys.resource(this.#kind, id)]);
    return hash && isSeen(this.#sight, id, hash["project"]) ? this.#form.entryOf(hash) : null;
  }

  /** Whether it may be changed, and not only seen. */
  isOwn(id: string): Promise<boolean> {
    return isOwn(this.#sight, keys.resource(this.#kind, id));
  }

  /** What an alias names: in the project, or else what is built in. */
  async #named(alias: string): Promise<string | null> {
    const project = this.#sight.project ?? defaultProject;
    const own = await this.#redis.hget(keys.aliases(project, this.#kind), alias);
    if (own !== null || project === defaultProject || this.#kind !== "dataset") return own;
    const id = await this.#redis.hget(keys.aliases(defaultProject, this.#kind), alias);
    return id !== null && isBuiltin(id) ? id : null;
  }

  /** By id or alias; where all projects are seen, by an alias of the default one. */
  async find(reference: string): Promise<Entry | null> {
    const id = await this.#named(reference);
    const found = await this.read(id ?? reference);
    if (found !== null || id === null) return found;
    // Moved in this moment, and what it named was deleted.
    const now = await this.#named(reference);
    return now === null ? null : this.read(now);
  }

  list(request: Listing): Promise<Page<Entry>> {
    return this.page(request, (names) => readHashes(this.#redis, names), this.#form.entryOf);
  }

  /** A page of what `entryOf` makes of the fields that `read` reads. */
  page<Shown>(
    request: Listing,
    read: (names: string[]) => Promise<(Hash | null)[]>,
    entryOf: (hash: Hash) => Promise<Shown>,
  ): Promise<Page<Shown>> {
    return readPage(this.#redis, request, {
      index:
        this.#sight.project === null
          ? keys.resources(this.#kind)
          : keys.projectResources(this.#sight.project, this.#kind),
      keyOf: (id) => keys.resource(this.#kind, id),
      filter: filterOf(request),
      read: async (names) =>
        Promise.all(
          (await read(names)).map(async (hash) => (hash ? { item: await entryOf(hash), bytes: bytesOf(hash) } : null)),
        ),
    });
  }

  /** Replaces fields. `expected`: only while the record's `status` is this. */
  async patch(
    id: string,
    fields: Partial<Entry>,
    expected?: string,
    takesBytes?: number,
  ): Promise<"ok" | "missing" | "alias-taken" | "status"> {
    if (!(await this.isOwn(id))) return "missing";
    const now = new Date();
    const alias = fields.alias === undefined ? "keep" : fields.alias === null ? "clear" : `=${fields.alias}`;
    const answer = await runScript(this.#redis, "patch-resource", [
      this.#kind,
      id,
      alias,
      expected === undefined ? "" : JSON.stringify(expected),
      now.toISOString(),
      takesBytes ?? "",
      now.getTime(),
      ...toFields({ ...fields }),
    ]);
    refuseReached(answer);
    return answer as "ok" | "missing" | "alias-taken" | "status";
  }

  /** Deletes the record unless jobs or models need it; the objects in storage are the caller's. */
  async delete(id: string): Promise<Deleted> {
    if (!(await this.isOwn(id))) return { kind: "missing" };
    const [kind, ...ids] = (await runScript(this.#redis, "delete-resource", [this.#kind, id])) as string[];
    if (kind === "in-use") return { kind, users: ids.sort() };
    return kind === "deleted" ? { kind, evaluations: ids } : { kind: "missing" };
  }

  users(id: string): Promise<string[]> {
    return this.#redis.smembers(keys.users(this.#kind, id));
  }

  /** Holds a resource for a user (`job_…`, `mdl_…`, or a lease's own name) and lets it go. */
  async hold(id: string, user: string): Promise<void> {
    await this.#redis.sadd(keys.users(this.#kind, id), user);
  }
  async release(id: string, user: string): Promise<void> {
    await this.#redis.srem(keys.users(this.#kind, id), user);
  }
}
