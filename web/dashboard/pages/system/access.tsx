/** Who asks, with which rights, and what may be given to others. There where the service asks for keys at all. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { Session } from "../../../../schemas/access.ts";
import { Facts, ProblemNote, Section } from "../../elements/basics.tsx";
import { moment } from "../../format.ts";
import { asError, service } from "../../service.ts";
import { keyMissing } from "../../store/connection.ts";
import { useResource } from "../../store/resource.ts";
import { Keys } from "./keys.tsx";
import { Usages } from "./limits.tsx";
import { Projects } from "./projects.tsx";

const may: Readonly<Record<Session["scope"], string>> = {
  read: "look and predict",
  write: "look, predict, make and change things",
  admin: "everything, keys too",
};

function SignOut(): JSX.Element {
  const [problem, setProblem] = useState<Error | null>(null);
  const leave = async (): Promise<void> => {
    try {
      await service.access.end();
      keyMissing();
    } catch (error) {
      setProblem(asError(error));
    }
  };
  return (
    <>
      <button type="button" class="small" onClick={() => void leave()}>
        Sign out
      </button>
      <ProblemNote problem={problem} />
    </>
  );
}

function You({ session }: { session: Session }): JSX.Element {
  const { key, project, scope, expiresAt } = session;
  return (
    <Section title="Who you are" aside={<SignOut />}>
      <Facts
        of={[
          ["Key", key === null ? "none" : <span class="name">{key.name}</span>],
          ["Project", project.name],
          ["May", may[scope]],
          ["Until", expiresAt === null ? "no end" : moment(expiresAt)],
        ]}
      />
      <h3 class="usages-title">What the project uses</h3>
      <Usages project={project} />
    </Section>
  );
}

/** An admin key of the project that was always there is the operator's. */
const isOperator = ({ project, scope }: Session): boolean => scope === "admin" && project.id === "prj_default";

export function Access(): JSX.Element | null {
  const resource = useResource("access/session", {
    ask: (signal) => service.access.session({ signal }),
    every: 10_000,
  });
  const session = resource.value.value;
  if (session?.auth !== "keys") return null;
  return (
    <>
      <You session={session} />
      {session.scope === "admin" ? <Keys session={session} isOperator={isOperator(session)} /> : null}
      {isOperator(session) ? <Projects /> : null}
    </>
  );
}
