/** What is shown where there is no page: what is not here, what may have been meant, and all there is. */
import type { JSX } from "preact";
import { PageHead, Section } from "../elements/basics.tsx";
import { place } from "../router.ts";
import { meantBy, places, type Place } from "./places.ts";

const Links = ({ of }: { of: readonly Place[] }): JSX.Element => (
  <ul>
    {of.map(({ path, label }) => (
      <li key={path}>
        <a href={path}>{label}</a> <code class="soft">{path}</code>
      </li>
    ))}
  </ul>
);

export function NoSuchPage(): JSX.Element {
  const { path } = place.value;
  const meant = meantBy(path);
  return (
    <>
      <PageHead title="No such page" />
      <p class="note warn no-such-path">
        There is nothing at <code>{path}</code>.
      </p>
      {meant.length > 0 ? (
        <Section title="Perhaps you meant">
          <Links of={meant} />
        </Section>
      ) : null}
      <Section title="What there is">
        <Links of={places.filter((each) => !meant.includes(each))} />
      </Section>
    </>
  );
}
