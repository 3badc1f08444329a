/** Projects: what each uses and may use. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { LimitName, Project } from "../../../../schemas/access.ts";
import type { ProjectPage } from "../../../../client/types.ts";
import { ProblemNote, Section, Waiting } from "../../elements/basics.tsx";
import { Field } from "../../elements/field.tsx";
import { asError, problemsOf, service } from "../../service.ts";
import { refreshAll, useResource, type Resource } from "../../store/resource.ts";
import { limitNames, Usages } from "./limits.tsx";

export const useProjects = (): Resource<ProjectPage> =>
  useResource("access/projects", {
    ask: (signal) => service.access.projects.list({ limit: 200 }, { signal }),
    every: 5000,
  });

const hints: Partial<Record<LimitName, string>> = { storedBytes: "bytes" };

/** What was typed, as a limit: nothing typed is no limit. */
const limitOf = (text: string): number | null => (text.trim() === "" ? null : Number(text));

function Change({ project, done }: { project: Project; done: () => void }): JSX.Element {
  const [name, setName] = useState(project.name);
  const [texts, setTexts] = useState<Partial<Record<LimitName, string>>>(() =>
    Object.fromEntries(limitNames.map((each) => [each.name, String(project.limits[each.name] ?? "")])),
  );
  const [problem, setProblem] = useState<Error | null>(null);
  const problems = problemsOf(problem);
  const of = (pointer: string): string | undefined => problems.find((each) => each.pointer === pointer)?.detail;
  const save = async (event: Event): Promise<void> => {
    event.preventDefault();
    const limits = Object.fromEntries(limitNames.map((each) => [each.name, limitOf(texts[each.name] ?? "")]));
    try {
      await service.access.projects.update(project.id, { ...(name === project.name ? {} : { name }), limits });
      refreshAll("access");
      done();
    } catch (error) {
      setProblem(asError(error));
    }
  };
  return (
    <form class="make-form" onSubmit={(event) => void save(event)}>
      <Field label="Name" problem={of("/name")} class="wide">
        {(attributes) => (
          <input {...attributes} value={name} onInput={({ currentTarget }) => setName(currentTarget.value)} />
        )}
      </Field>
      {limitNames.map((each) => (
        <Field
          key={each.name}
          label={`Most ${each.label}${hints[each.name] ? `, ${hints[each.name]}` : ""}`}
          problem={of(`/limits/${each.name}`)}
        >
          {(attributes) => (
            <input
              {...attributes}
              type="number"
              min={0}
              step={1}
              placeholder="no limit"
              value={texts[each.name] ?? ""}
              onInput={({ currentTarget }) => setTexts({ ...texts, [each.name]: currentTarget.value })}
            />
          )}
        </Field>
      ))}
      <button type="submit" class="strong">
        Save
      </button>
      <button type="button" onClick={done}>
        Leave it
      </button>
      {problem && problems.length === 0 ? <ProblemNote problem={problem} /> : null}
    </form>
  );
}

function Row({ project }: { project: Project }): JSX.Element {
  const [isOpen, setOpen] = useState(false);
  return (
    <li class="project">
      <div class="worker-head">
        <h3 class="name">{project.name}</h3>
        <code class="soft">{project.id}</code>
        {isOpen ? null : (
          <button
            type="button"
            class="small"
            aria-label={`Change ${project.name} and its limits`}
            onClick={() => setOpen(true)}
          >
            Change
          </button>
        )}
      </div>
      <Usages project={project} />
      {isOpen ? <Change project={project} done={() => setOpen(false)} /> : null}
    </li>
  );
}

function Make(): JSX.Element {
  const [name, setName] = useState("");
  const [problem, setProblem] = useState<Error | null>(null);
  const make = async (event: Event): Promise<void> => {
    event.preventDefault();
    try {
      await service.access.projects.create({ name });
      setName("");
      setProblem(null);
      refreshAll("access/projects");
    } catch (error) {
      setProblem(asError(error));
    }
  };
  return (
    <form class="make-form" onSubmit={(event) => void make(event)}>
      <Field label="Name of a new project" problem={problem?.message} class="wide">
        {(attributes) => (
          <input {...attributes} required value={name} onInput={({ currentTarget }) => setName(currentTarget.value)} />
        )}
      </Field>
      <button type="submit">Make a project</button>
    </form>
  );
}

export function Projects(): JSX.Element {
  const resource = useProjects();
  const page = resource.value.value;
  return (
    <Section title="Projects">
      <ProblemNote problem={resource.problem.value} />
      {page || resource.problem.value ? null : <Waiting what="Asking for the projects" />}
      <ul class="plain-list workers">
        {page?.data.map((project) => (
          <Row key={project.id} project={project} />
        ))}
      </ul>
      <Make />
    </Section>
  );
}
