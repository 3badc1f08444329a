/** Which jobs are shown: all of it stands in the URL. */
import type { JSX } from "preact";
import type { Dataset } from "../../../../schemas/dataset.ts";
import { Field } from "../../elements/field.tsx";
import { place, setQuery } from "../../router.ts";
import { nameOf } from "../../format.ts";
import { service } from "../../service.ts";
import type { JobFilter } from "../../store/job-list.ts";
import { useResource } from "../../store/resource.ts";

const statuses = ["queued", "running", "paused", "cancelled", "succeeded", "failed"] as const;

/** Which sweep's trials; nothing where nobody has made a sweep. */
function Sweeps({ filter }: { filter: JobFilter }): JSX.Element | null {
  const sweeps = useResource("sweeps?choice", {
    ask: (signal) => service.sweeps.list({ limit: 200 }, { signal }),
    every: 10_000,
  });
  const all = sweeps.value.value?.data ?? [];
  const isStrange = filter.sweep !== null && !all.some(({ id }) => id === filter.sweep);
  if (all.length === 0 && filter.sweep === null) return null;
  return (
    <Field label="Sweep">
      {(attributes) => (
        <select
          {...attributes}
          value={filter.sweep ?? ""}
          onChange={({ currentTarget }) => setQuery({ sweep: currentTarget.value })}
        >
          <option value="">any</option>
          {isStrange ? <option value={filter.sweep ?? ""}>{filter.sweep}</option> : null}
          {all.map((sweep) => (
            <option key={sweep.id} value={sweep.id}>
              {nameOf(sweep)}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

export function Filters({ filter, datasets }: { filter: JobFilter; datasets: readonly Dataset[] }): JSX.Element {
  const isStrange = filter.dataset !== null && !datasets.some(({ id, alias }) => [id, alias].includes(filter.dataset));
  return (
    <form class="filters" role="search" aria-label="Filter the jobs" onSubmit={(event) => event.preventDefault()}>
      <Field label="Text" class="wide">
        {(attributes) => (
          <input
            {...attributes}
            type="search"
            value={place.value.query.get("text") ?? ""}
            onInput={({ currentTarget }) => setQuery({ text: currentTarget.value })}
          />
        )}
      </Field>
      <Field label="Status">
        {(attributes) => (
          <select
            {...attributes}
            value={filter.status ?? ""}
            onChange={({ currentTarget }) => setQuery({ status: currentTarget.value })}
          >
            <option value="">any</option>
            {statuses.map((status) => (
              <option key={status}>{status}</option>
            ))}
          </select>
        )}
      </Field>
      <Field label="Dataset">
        {(attributes) => (
          <select
            {...attributes}
            value={filter.dataset ?? ""}
            onChange={({ currentTarget }) => setQuery({ dataset: currentTarget.value })}
          >
            <option value="">any</option>
            {isStrange ? <option value={filter.dataset ?? ""}>{filter.dataset}</option> : null}
            {datasets.map(({ id, alias, name }) => (
              <option key={id} value={alias === filter.dataset && alias !== null ? alias : id}>
                {name}
              </option>
            ))}
          </select>
        )}
      </Field>
      <Sweeps filter={filter} />
    </form>
  );
}
