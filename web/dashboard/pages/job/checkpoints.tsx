/** The checkpoints that are kept. */
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import type { CheckpointPage } from "../../../../schemas/checkpoint.ts";
import type { Job } from "../../../../schemas/job.ts";
import { Ago, Empty, ProblemNote, Section, Waiting } from "../../elements/basics.tsx";
import { bytes, count, figure, percent } from "../../format.ts";
import { service } from "../../service.ts";
import { useResource, type Resource } from "../../store/resource.ts";
import type { LiveJob } from "../../store/live-job.ts";

export function useCheckpoints(job: Job, live: LiveJob): Resource<CheckpointPage> {
  const kept: Resource<CheckpointPage> = useResource(`checkpoints/${job.id}`, {
    ask: (signal) => service.jobs.checkpoints(job.id, { limit: 200 }, { signal }),
  });
  const came = live.checkpoints.value;
  useEffect(() => {
    if (came > 0) kept.renew();
  }, [came]);
  return kept;
}

export function Checkpoints({ job, live }: { job: Job; live: LiveJob }): JSX.Element {
  const kept = useCheckpoints(job, live);
  const page = kept.value.value;
  const rows = page?.data ?? [];
  return (
    <Section title="Checkpoints" aside={rows.length > 0 ? `${count(rows.length)} kept` : undefined}>
      <ProblemNote problem={kept.problem.value} />
      {page || kept.problem.value ? null : <Waiting what="Asking for the checkpoints" />}
      {page?.data.length === 0 ? <Empty title="None was written yet." /> : null}
      {rows.length > 0 ? (
        <div class="scroll-x" tabIndex={0} role="group" aria-label="Checkpoints">
          <table>
            <thead>
              <tr>
                <th scope="col">Epoch</th>
                <th scope="col" class="number">
                  Loss
                </th>
                <th scope="col" class="number">
                  Right
                </th>
                <th scope="col">Written</th>
                <th scope="col">Weights</th>
              </tr>
            </thead>
            <tbody>
              {rows.map(({ epoch, loss, accuracy, validation, best, at, bytes: size }) => (
                <tr key={epoch}>
                  <td>
                    {epoch} {best ? <span class="status good">best</span> : null}
                  </td>
                  <td class="number">{figure(validation ? validation.loss : loss)}</td>
                  <td class="number">{percent(validation ? validation.accuracy : accuracy)}</td>
                  <td>
                    <Ago at={at} />
                  </td>
                  <td>
                    <a href={service.urls.checkpointWeights(job.id, epoch)} download>
                      {bytes(size)}
                      <span class="unseen"> of epoch {epoch}</span>
                    </a>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      ) : null}
    </Section>
  );
}
