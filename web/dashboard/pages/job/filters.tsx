/** The filters of a convolution, as they change from checkpoint to checkpoint while one watches. */
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Job } from "../../../../schemas/job.ts";
import { Section } from "../../elements/basics.tsx";
import { Field } from "../../elements/field.tsx";
import { service } from "../../service.ts";
import type { LiveJob } from "../../store/live-job.ts";
import { useCheckpoints } from "./checkpoints.tsx";

/** Pictures that are kept while the page is open, so that a checkpoint let go can still be looked at. */
const mostKept = 60;

interface Kept {
  epoch: number;
  url: string;
}

async function pictureOf(
  job: string,
  { signal, ...of }: { layer: number; checkpoint: number; signal: AbortSignal },
): Promise<string> {
  const answer = await service.jobs.filters(job, of, { signal });
  return URL.createObjectURL(await answer.blob());
}

/** In the order of epochs, the oldest let go of. */
function withPicture(before: readonly Kept[], own: Kept): readonly Kept[] {
  const all = [...before.filter(({ epoch }) => epoch !== own.epoch), own];
  for (const { url } of all.slice(0, -mostKept)) URL.revokeObjectURL(url);
  return all.slice(-mostKept).sort((left, right) => left.epoch - right.epoch);
}

/** A picture of every epoch that was seen, one after the other: where they come faster, of the newest. */
function useHistory(job: Job, layer: number, newest: number | undefined): readonly Kept[] {
  const [kept, setKept] = useState<readonly Kept[]>([]);
  const wanted = useRef(newest);
  wanted.current = newest;
  const take = useRef<() => void>(() => undefined);
  useEffect(() => {
    const abort = new AbortController();
    let taken: number | undefined;
    let isBusy = false;
    const takeNewest = async (): Promise<void> => {
      isBusy = true;
      while (wanted.current !== undefined && wanted.current !== taken) {
        taken = wanted.current;
        const url = await pictureOf(job.id, { layer, checkpoint: taken, signal: abort.signal });
        if (abort.signal.aborted) return URL.revokeObjectURL(url);
        const own = { epoch: taken, url };
        setKept((before) => withPicture(before, own));
      }
    };
    take.current = () => {
      if (isBusy) return;
      // A checkpoint may be gone before its picture is made; the next one comes.
      takeNewest().then(
        () => (isBusy = false),
        () => (isBusy = false),
      );
    };
    return () => {
      abort.abort();
      setKept((before) => {
        for (const { url } of before) URL.revokeObjectURL(url);
        return [];
      });
    };
  }, [job.id, layer]);
  useEffect(() => take.current(), [job.id, layer, newest]);
  return kept;
}

export function Filters({ job, live }: { job: Job; live: LiveJob }): JSX.Element | null {
  const convolutions = job.request.network.layers.flatMap((each, at) => (each.kind === "convolution" ? [at] : []));
  const [layer, setLayer] = useState(convolutions[0] ?? 0);
  const [chosen, setChosen] = useState<number | null>(null);
  const checkpoints = useCheckpoints(job, live).value.value?.data ?? [];
  const kept = useHistory(job, layer, convolutions.length === 0 ? undefined : checkpoints.at(-1)?.epoch);
  if (convolutions.length === 0) return null;
  const shown = kept.find(({ epoch }) => epoch === chosen) ?? kept.at(-1);
  return (
    <Section title="Filters">
      {shown === undefined ? <p class="soft">They can be seen from the first checkpoint on.</p> : null}
      <div class="filter-controls">
        {convolutions.length > 1 ? (
          <Field label="Convolution">
            {(attributes) => (
              <select
                {...attributes}
                value={String(layer)}
                onChange={({ currentTarget }) => setLayer(Number(currentTarget.value))}
              >
                {convolutions.map((at) => (
                  <option key={at} value={String(at)}>
                    layer {at}
                  </option>
                ))}
              </select>
            )}
          </Field>
        ) : null}
        {shown && kept.length > 1 ? (
          <Field label={`After epoch ${shown.epoch}`} class="wide">
            {(attributes) => (
              <input
                {...attributes}
                type="range"
                min={0}
                max={kept.length - 1}
                value={kept.indexOf(shown)}
                onInput={({ currentTarget }) => {
                  const at = Number(currentTarget.value);
                  setChosen(at === kept.length - 1 ? null : (kept[at]?.epoch ?? null));
                }}
              />
            )}
          </Field>
        ) : null}
      </div>
      {shown ? (
        <figure class="filter-sheet">
          <img class="pixels" src={shown.url} alt={`Filters of layer ${layer} after epoch ${shown.epoch}`} />
          <figcaption class="soft small-text">
            After epoch {shown.epoch}: a row for each output map, a column for each input map; grey is 0
          </figcaption>
        </figure>
      ) : null}
    </Section>
  );
}
