/** What people call a model, and the alias by which programs ask for it. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { Model } from "../../../../schemas/model.ts";
import { Field } from "../../elements/field.tsx";
import { asError, service } from "../../service.ts";
import { refreshAll } from "../../store/resource.ts";

export function NameForm({ model }: { model: Model }): JSX.Element {
  const [name, setName] = useState(model.name);
  const [problem, setProblem] = useState<string>();
  const [said, setSaid] = useState("");
  const rename = async (event: Event): Promise<void> => {
    event.preventDefault();
    setProblem(undefined);
    try {
      await service.models.update(model.id, { name });
      setSaid(`It is called ${name} now.`);
      refreshAll("model");
    } catch (error) {
      setSaid("");
      setProblem(asError(error).message);
    }
  };
  return (
    <form class="name-form" onSubmit={(event) => void rename(event)}>
      <Field label="Name" problem={problem}>
        {(attributes) => <input {...attributes} value={name} onInput={(event) => setName(event.currentTarget.value)} />}
      </Field>
      <button type="submit" disabled={name.trim() === "" || name === model.name}>
        Rename
      </button>
      <span role="status">{said}</span>
    </form>
  );
}

/** The alias is moved here in one step from whichever model had it. */
export function AliasForm({ model }: { model: Model }): JSX.Element {
  const [alias, setAlias] = useState(model.alias ?? "");
  const [problem, setProblem] = useState<string>();
  const [said, setSaid] = useState("");
  const move = async (event: Event): Promise<void> => {
    event.preventDefault();
    setProblem(undefined);
    try {
      const { previous } = await service.models.aliases.move(alias, { model: model.id });
      setSaid(previous === null || previous === model.id ? `It is ${alias} now.` : `${alias} is moved here.`);
      refreshAll("model");
    } catch (error) {
      setProblem(asError(error).message);
    }
  };
  return (
    <form class="name-form" onSubmit={(event) => void move(event)}>
      <Field
        label="Alias"
        hint="Programs ask for the model by it; it can move to a better one later."
        problem={problem}
      >
        {(attributes) => (
          <input
            {...attributes}
            value={alias}
            placeholder="digits@production"
            onInput={(event) => setAlias(event.currentTarget.value)}
          />
        )}
      </Field>
      <button type="submit" disabled={alias === "" || alias === model.alias}>
        {model.alias === null ? "Give it this alias" : "Move the alias"}
      </button>
      <span role="status">{said}</span>
    </form>
  );
}
