/** The name by which programs ask for a model: moved here in one step from whichever had it. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { Model } from "../../../../schemas/model.ts";
import { Field } from "../../elements/field.tsx";
import { asError, service } from "../../service.ts";
import { refreshAll } from "../../store/resource.ts";

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
    <form class="alias-form" onSubmit={(event) => void move(event)}>
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
