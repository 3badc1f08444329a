/** Keys: who has one, and new ones, each shown once. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { Key, MadeKey, Scope, Session } from "../../../../schemas/access.ts";
import { Ago, ProblemNote, Section, Waiting } from "../../elements/basics.tsx";
import { Confirm } from "../../elements/confirm.tsx";
import { CopyButton } from "../../elements/copy.tsx";
import { Field } from "../../elements/field.tsx";
import { moment } from "../../format.ts";
import { asError, problemsOf, service } from "../../service.ts";
import { refreshAll, useResource } from "../../store/resource.ts";
import { useProjects } from "./projects.tsx";

const scopes: readonly { value: Scope; label: string }[] = [
  { value: "read", label: "read: look and predict" },
  { value: "write", label: "write: also make and change things" },
  { value: "admin", label: "admin: also keys" },
];

/** The one time that a key is seen. */
function Shown({ made, done }: { made: MadeKey; done: () => void }): JSX.Element {
  return (
    <div class="note good made-key" role="status">
      <p>
        <strong>{made.name}</strong> is made. Copy it now: it is shown this once, and kept nowhere as it stands here.
      </p>
      <p class="made-key-line">
        <code>{made.key}</code>
        <CopyButton text={made.key} what="the key" />
        <button type="button" class="small" onClick={done}>
          I have it
        </button>
      </p>
    </div>
  );
}

interface MakeProps {
  project: string;
  isOperator: boolean;
  made: (key: MadeKey) => void;
}

function ProjectField({ value, choose }: { value: string; choose: (id: string) => void }): JSX.Element {
  const projects = useProjects().value.value?.data ?? [];
  return (
    <Field label="Project">
      {(attributes) => (
        <select {...attributes} value={value} onChange={({ currentTarget }) => choose(currentTarget.value)}>
          {projects.map(({ id, name }) => (
            <option key={id} value={id}>
              {name}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

function Make({ project: own, isOperator, made }: MakeProps): JSX.Element {
  const [name, setName] = useState("");
  const [scope, setScope] = useState<Scope>("write");
  const [project, setProject] = useState(own);
  const [until, setUntil] = useState("");
  const [problem, setProblem] = useState<Error | null>(null);
  const problems = problemsOf(problem);
  const of = (pointer: string): string | undefined => problems.find((each) => each.pointer === pointer)?.detail;
  const make = async (event: Event): Promise<void> => {
    event.preventDefault();
    try {
      const expiresAt = until === "" ? null : new Date(`${until}T23:59:59`).toISOString();
      made(await service.access.keys.create({ name, scope, project, expiresAt }));
      setName("");
      setProblem(null);
      refreshAll("access/keys");
    } catch (error) {
      setProblem(asError(error));
    }
  };
  return (
    <form class="make-form" onSubmit={(event) => void make(event)}>
      <Field label="Name of a new key" problem={of("/name")} class="wide">
        {(attributes) => (
          <input {...attributes} required value={name} onInput={({ currentTarget }) => setName(currentTarget.value)} />
        )}
      </Field>
      <Field label="It may" problem={of("/scope")}>
        {(attributes) => (
          <select
            {...attributes}
            value={scope}
            onChange={({ currentTarget }) => setScope(currentTarget.value as Scope)}
          >
            {scopes.map(({ value, label }) => (
              <option key={value} value={value}>
                {label}
              </option>
            ))}
          </select>
        )}
      </Field>
      {isOperator ? <ProjectField value={project} choose={setProject} /> : null}
      <Field label="Last day, where there is one" problem={of("/expiresAt")}>
        {(attributes) => (
          <input
            {...attributes}
            type="date"
            value={until}
            onInput={({ currentTarget }) => setUntil(currentTarget.value)}
          />
        )}
      </Field>
      <button type="submit" class="strong">
        Make a key
      </button>
      {problem && problems.length === 0 ? <ProblemNote problem={problem} /> : null}
    </form>
  );
}

interface RowProps {
  entry: Key;
  isOwn: boolean;
  project: string | null;
}

const Row = ({ entry, isOwn, project }: RowProps): JSX.Element => (
  <tr>
    <td>
      <span class="name">{entry.name}</span> {isOwn ? <span class="status active">yours</span> : null}
    </td>
    {project === null ? null : <td>{project}</td>}
    <td>{entry.scope}</td>
    <td>{entry.lastUsedAt === null ? <span class="soft">never</span> : <Ago at={entry.lastUsedAt} />}</td>
    <td>{entry.expiresAt === null ? <span class="soft">no end</span> : moment(entry.expiresAt)}</td>
    <td class="number">
      <Confirm
        label="Revoke"
        question={`Revoke ${entry.name}? Whoever uses it is refused from then on.${isOwn ? " It is your own: you would be signed out." : ""}`}
        act={async () => {
          await service.access.keys.revoke(entry.id);
          refreshAll("access");
        }}
      />
    </td>
  </tr>
);

export function Keys({ session, isOperator }: { session: Session; isOperator: boolean }): JSX.Element {
  const [made, setMade] = useState<MadeKey | null>(null);
  const resource = useResource("access/keys", {
    ask: (signal) => service.access.keys.list({ limit: 200 }, { signal }),
    every: 10_000,
  });
  const page = resource.value.value;
  const projects = new Map(useProjects().value.value?.data.map(({ id, name }) => [id, name]));
  return (
    <Section title="Keys">
      {made ? <Shown made={made} done={() => setMade(null)} /> : null}
      <ProblemNote problem={resource.problem.value} />
      {page || resource.problem.value ? null : <Waiting what="Asking for the keys" />}
      {page && page.data.length > 0 ? (
        <div class="scroll-x" tabIndex={0} role="group" aria-label="All keys">
          <table class="keys">
            <thead>
              <tr>
                <th scope="col">Name</th>
                {isOperator ? <th scope="col">Project</th> : null}
                <th scope="col">May</th>
                <th scope="col">Last used</th>
                <th scope="col">Good until</th>
                <th scope="col">
                  <span class="unseen">What to do</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {page.data.map((entry) => (
                <Row
                  key={entry.id}
                  entry={entry}
                  isOwn={entry.id === session.key?.id}
                  project={isOperator ? (projects.get(entry.project) ?? entry.project) : null}
                />
              ))}
            </tbody>
          </table>
        </div>
      ) : null}
      <Make project={session.project.id} isOperator={isOperator} made={setMade} />
    </Section>
  );
}
