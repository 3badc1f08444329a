/** The service itself: who works, what waits, what computes, where everything is kept. */
import type { JSX } from "preact";
import type { System } from "../../../../schemas/system.ts";
import { Facts, Figure, PageHead, ProblemNote, Section, Waiting } from "../../elements/basics.tsx";
import { count } from "../../format.ts";
import { service } from "../../service.ts";
import { useResource } from "../../store/resource.ts";
import { Access } from "./access.tsx";
import { Queues } from "./queues.tsx";
import { Workers } from "./workers.tsx";

function Figures({ system }: { system: System }): JSX.Element {
  const slots = system.workers.reduce((sum, worker) => sum + worker.slots, 0);
  const busy = system.workers.reduce((sum, { jobs }) => sum + jobs.length, 0);
  const waiting = Object.values(system.queues).reduce((sum, queue) => sum + queue.waiting, 0);
  return (
    <div class="figures system-figures">
      <Figure value={count(system.workers.length)} label={system.workers.length === 1 ? "worker" : "workers"} />
      <Figure value={`${count(busy)} of ${count(slots)}`} label="slots busy" />
      <Figure value={count(waiting)} label={waiting === 1 ? "task waits" : "tasks wait"} />
    </div>
  );
}

const About = ({ system }: { system: System }): JSX.Element => (
  <Section title="This service">
    <Facts
      of={[
        ["Version", system.version],
        ["Node.js of the api", system.node],
        ["Kernels in use", system.kernels.length === 0 ? "none: no worker runs" : system.kernels.join(", ")],
        ["Storage", <code>{system.storage}</code>],
        ["For programs", <a href="/docs">the interface</a>],
        ["For monitoring", <a href="/metrics">counters for Prometheus</a>],
      ]}
    />
  </Section>
);

export default function SystemPage(): JSX.Element {
  const resource = useResource("system", { ask: (signal) => service.service.system({ signal }), every: 2000 });
  const system = resource.value.value;
  const problem = resource.problem.value;
  return (
    <>
      <PageHead title="System" />
      <ProblemNote problem={problem} />
      {system ? (
        <>
          <Figures system={system} />
          <Workers of={system.workers} />
          <div class="system-columns">
            <Queues of={system.queues} />
            <About system={system} />
          </div>
        </>
      ) : problem ? null : (
        <Waiting what="Asking how it goes" />
      )}
      <Access />
    </>
  );
}
