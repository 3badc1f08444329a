/** What the entries of a list may be asked to have. */
import { defaultProject } from "../../../schemas/access.ts";
import type { Filter, PageRequest } from "./paging.ts";

export interface Wanted {
  status?: string | undefined;
  name?: string | undefined;
  /** The id of the dataset that an entry was made with. */
  dataset?: string | undefined;
  /** Entries that its own must have; others do not matter. */
  metadata?: Readonly<Record<string, string>> | undefined;
  /** The project that an entry belongs to. */
  project?: string | undefined;
}

export type Listing = PageRequest & Wanted;

const parsed = (text: string | null): unknown => (text === null ? null : JSON.parse(text));

/** undefined where nothing is wanted. A status stands in its field as it is, everything else as JSON. */
export function filterOf({ status, name, dataset, metadata, project }: Wanted): Filter | undefined {
  const filter: Record<string, Filter[string]> = {};
  if (status !== undefined) filter["status"] = (text) => text === status;
  if (name !== undefined) filter["name"] = (text) => parsed(text) === name;
  if (dataset !== undefined) filter["dataset"] = (text) => (parsed(text) as { id: string } | null)?.id === dataset;
  if (project !== undefined) filter["project"] = (text) => (parsed(text) ?? defaultProject) === project;
  const entries = Object.entries(metadata ?? {});
  if (entries.length > 0)
    filter["metadata"] = (text) => {
      const own = new Map(Object.entries((parsed(text) as Record<string, string> | null) ?? {}));
      return entries.every(([key, value]) => own.get(key) === value);
    };
  return Object.keys(filter).length > 0 ? filter : undefined;
}
