/** What waits for a worker, and what one has taken. */
import type { JSX } from "preact";
import type { System } from "../../../../schemas/system.ts";
import { Section } from "../../elements/basics.tsx";
import { count } from "../../format.ts";

export const Queues = ({ of }: { of: System["queues"] }): JSX.Element => (
  <Section title="Queues">
    <table class="queues">
      <thead>
        <tr>
          <th scope="col">Queue</th>
          <th scope="col" class="number">
            Waiting
          </th>
          <th scope="col" class="number">
            Under way
          </th>
        </tr>
      </thead>
      <tbody>
        {Object.entries(of).map(([name, { waiting, active }]) => (
          <tr key={name}>
            <th scope="row">{name}</th>
            <td class={waiting === 0 ? "number soft" : "number"}>{count(waiting)}</td>
            <td class={active === 0 ? "number soft" : "number"}>{count(active)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  </Section>
);
