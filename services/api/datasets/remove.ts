/**
 * Deletes a dataset, alone or with all that was made with it. With all: first it is noted what goes, then the records
 * go, then their objects, and the dataset last, so that a deletion that broke off anywhere is ended by repeating it.
 */
import { isBuiltin } from "../../shared/ids.ts";
import { layout } from "../../shared/storage/index.ts";
import type { DatasetRecord } from "../../shared/records/index.ts";
import type { Within } from "../dependencies.ts";
import { Problem, conflict, inUse, notFound } from "../http/problem.ts";

const pathOf: Readonly<Record<string, (id: string) => string>> = {
  job_: (id) => `/v1/jobs/${id}`,
  mdl_: (id) => `/v1/models/${id}`,
  swp_: (id) => `/v1/sweeps/${id}`,
};

/** Where those that need a dataset are found. */
async function urlsOf({ records }: Within, users: readonly string[]): Promise<Map<string, string>> {
  const evaluations = users.filter((user) => user.startsWith("evl_"));
  const found = await Promise.all(evaluations.map((id) => records.evaluations.read(id)));
  return new Map(
    users.map((user) => {
      const model = found.find((each) => each?.id === user)?.model;
      if (model !== undefined) return [user, `/v1/models/${model}/evaluations/${user}`];
      return [user, pathOf[user.slice(0, 4)]?.(user) ?? user];
    }),
  );
}

/** Of those that need a dataset, the ones that may be named: a built-in dataset is needed by other projects too. */
async function namable({ records }: Within, dataset: string, users: readonly string[]): Promise<string[]> {
  if (!isBuiltin(dataset)) return [...users];
  const own = await Promise.all(
    users.map(async (user) => {
      if (user.startsWith("swp_")) return (await records.sweeps.read(user)) !== null;
      if (user.startsWith("job_")) return (await records.jobs.read(user)) !== null;
      const evaluation = user.startsWith("evl_") ? await records.evaluations.read(user) : null;
      return (await records.models.read(evaluation?.model ?? user)) !== null;
    }),
  );
  return users.filter((_, at) => own[at]);
}

/** The samples stay where they are: other datasets may share them, and the collector finds those that nobody does. */
export async function removeDataset(dependencies: Within, record: DatasetRecord): Promise<void> {
  const { records, storage, log } = dependencies;
  const gone = await records.datasets.delete(record.id);
  if (gone.kind === "missing") throw notFound(`there is no dataset ${record.id}`);
  if (gone.kind === "in-use") {
    const users = await namable(dependencies, record.id, gone.users);
    if (users.length === 0) throw conflict(`dataset ${record.id} is still needed by other projects`);
    const urls = await urlsOf(dependencies, users);
    throw inUse(`dataset ${record.id}`, users, (user) => urls.get(user) ?? user);
  }
  for (const prefix of [layout.dataset(record.id), layout.upload(record.id)]) {
    await storage
      .deleteAll(prefix)
      .catch((error: unknown) =>
        log.warn({ err: error, dataset: record.id }, "a deleted dataset's objects are left to the collector"),
      );
  }
}

/** Objects of jobs, models and evaluations by their ids' prefixes. */
const objectsOf: Readonly<Record<string, (id: string) => string>> = {
  job: layout.job,
  mdl: layout.model,
  evl: layout.evaluation,
};

const isModel = (id: string): boolean => id.startsWith("mdl_");

interface MadeWith {
  jobs: string[];
  models: string[];
  sweeps: string[];
}

/** What was made with a dataset. Refuses while any of it, or anything that was begun with it, has not ended. */
async function findAll(dependencies: Within, dataset: string): Promise<MadeWith> {
  const { records } = dependencies;
  const users = await namable(dependencies, dataset, await records.datasets.users(dataset));
  const models = users.filter(isModel);
  const ofModels = await Promise.all(models.map((model) => records.models.users(model)));
  const underWay = [...new Set([...users.filter((user) => !isModel(user)), ...ofModels.flat()])].sort();
  if (underWay.length === 0)
    return {
      models,
      jobs: await records.jobs.idsOfDataset(dataset),
      sweeps: await records.sweeps.idsOfDataset(dataset),
    };
  const urls = await urlsOf(dependencies, underWay);
  const few = underWay.slice(0, 5).join(", ");
  throw new Problem({
    code: "in-use",
    detail: `${few}${underWay.length > 5 ? ` and ${underWay.length - 5} more` : ""} of dataset ${dataset} or its models have not ended; cancel these first, or wait`,
    errors: underWay.map((user) => ({ pointer: "", detail: urls.get(user) ?? user })),
  });
}

async function removeRecords({ records }: Within, of: MadeWith): Promise<void> {
  for (const model of of.models) {
    const gone = await records.models.delete(model);
    if (gone.kind === "in-use") throw inUse(`model ${model}`, gone.users, (user) => `/v1/jobs/${user}`);
  }
  for (const job of of.jobs) {
    const gone = await records.jobs.delete(job);
    if (gone !== "deleted" && gone !== "missing")
      throw conflict(`job ${job} is ${gone}; cancel it first: only jobs that ended can be deleted`);
  }
  for (const sweep of of.sweeps) {
    const gone = await records.sweeps.delete(sweep);
    if (gone !== "deleted" && gone !== "missing")
      throw conflict(`sweep ${sweep} is ${gone}; cancel it first: only sweeps that ended can be deleted`);
  }
}

const stands = async ({ records }: Within, id: string): Promise<boolean> =>
  (await (id.startsWith("job_") ? records.jobs : isModel(id) ? records.models : records.evaluations).read(id)) !== null;

export async function removeWithAll(dependencies: Within, record: DatasetRecord): Promise<void> {
  const { records, storage } = dependencies;
  const found = await findAll(dependencies, record.id);
  const evaluations = await Promise.all(found.models.map((model) => records.evaluations.idsOfModel(model)));
  await records.datasets.noteLeaving(record.id, [...found.jobs, ...found.models, ...evaluations.flat()]);
  await removeRecords(dependencies, found);
  for (const id of await records.datasets.leaving(record.id)) {
    // An earlier deletion may have noted what was kept after all.
    if (!(await stands(dependencies, id))) await storage.deleteAll(objectsOf[id.slice(0, 3)](id));
    await records.datasets.left(record.id, id);
  }
  await removeDataset(dependencies, record);
}
