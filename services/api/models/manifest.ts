/** The manifest of a model follows its record: name, alias and metadata may change. */
import { modelManifest } from "../../../schemas/model.ts";
import { presentModel } from "../../shared/records/index.ts";
import type { ModelRecord } from "../../shared/records/index.ts";
import { getJson, putJson } from "../../shared/storage/index.ts";
import type { Within } from "../dependencies.ts";

type Kept = Pick<ModelRecord, "name" | "alias" | "aliases" | "metadata">;
const keptOf = ({ name, alias, aliases, metadata }: Kept): string => JSON.stringify([name, alias, aliases, metadata]);

/** Writes it until it says what the record says: whoever writes last has seen what others changed meanwhile. */
export async function followRecord({ records, storage }: Within, id: string): Promise<void> {
  for (let record = await records.models.read(id); record !== null;) {
    const { manifest: key } = record.files;
    const { aliases: _before, ...manifest } = await getJson(storage, key, modelManifest);
    await putJson(storage, key, {
      ...manifest,
      model: presentModel(record),
      ...(record.aliases === undefined ? {} : { aliases: record.aliases }),
    });
    const now = await records.models.read(id);
    if (now !== null && keptOf(now) === keptOf(record)) return;
    record = now;
  }
}
