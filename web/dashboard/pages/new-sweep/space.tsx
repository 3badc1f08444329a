/** Which settings are searched, and what values each may take. */
import type { JSX } from "preact";
import { useId } from "preact/hooks";
import { Section } from "../../elements/basics.tsx";
import { Choice } from "../../elements/choice.tsx";
import { useEdited } from "../../elements/edited.ts";
import { Field } from "../../elements/field.tsx";
import { pointerOf } from "../../form/draft.ts";
import type { FormContext } from "../../form/schema-field.tsx";
import { changeDraft, peekDraft, type Dimension, type Space } from "./draft.ts";
import { ValuesField } from "./values-field.tsx";

/** What people search first. */
const usual: Space = {
  "/optimiser/learningRate": { log: [0.001, 0.3] },
  "/batchSize": { choices: [32, 64, 128] },
  "/optimiser/momentum": { uniform: [0.5, 0.99] },
  "/optimiser/weightDecay": { log: [0.00001, 0.01] },
  "/network": { choices: ["lenet-5", "fast-mnist"] },
  "/seed": { integers: [1, 10] },
};

const kinds = {
  log: "a range, by factors",
  uniform: "a range, evenly",
  integers: "whole numbers",
  choices: "one of a list",
} as const;
type Kind = keyof typeof kinds;
const kindNames = Object.keys(kinds) as Kind[];

const beginnings: Readonly<Record<Kind, Dimension>> = {
  log: { log: [0.001, 0.1] },
  uniform: { uniform: [0, 1] },
  integers: { integers: [1, 10] },
  choices: { choices: [1, 2] },
};

interface RowProps {
  pointer: string;
  dimension: Dimension;
  space: Space;
  form: FormContext;
  list: string;
}

const spaceOf = (draft: unknown): Space | "auto" => (draft as { space?: Space | "auto" }).space ?? "auto";

/** What one searches oneself, as it is at this moment. */
function peekSpace(): Space {
  const space = spaceOf(peekDraft());
  return space === "auto" ? {} : space;
}

/** One setting becomes another entry, or goes; all stay in the order that they were. */
const changeSetting = (pointer: string, how: (dimension: Dimension) => readonly [string, Dimension] | null): void =>
  changeDraft(
    ["space"],
    Object.fromEntries(
      Object.entries(peekSpace()).flatMap(([each, dimension]) => {
        const entry = each === pointer ? how(dimension) : ([each, dimension] as const);
        return entry === null ? [] : [entry];
      }),
    ),
  );

function Row({ pointer, dimension, space, form, list }: RowProps): JSX.Element {
  const at = pointerOf(["space", pointer]);
  const problem = form.problems.find((each) => each.pointer === at || each.pointer.startsWith(`${at}/`))?.detail;
  const kind = kindNames.find((each) => dimension[each] !== undefined) ?? "choices";
  const name = useEdited({
    shown: pointer,
    commit: (text) => {
      const next = text.trim();
      if (next !== pointer && next in peekSpace()) return "This setting is searched already.";
      changeSetting(pointer, (now) => [next, next === pointer ? now : (usual[next] ?? now)]);
      return null;
    },
  });
  return (
    <li class={problem === undefined ? "space-row" : "space-row wrong"}>
      <Field label="Setting" problem={problem} class="wide">
        {(attributes) => <input {...attributes} {...name} list={list} spellcheck={false} />}
      </Field>
      <Field label="May be">
        {(attributes) => (
          <select
            {...attributes}
            value={kind}
            onChange={({ currentTarget: { value } }) =>
              changeSetting(pointer, () => [pointer, beginnings[value as Kind]])
            }
          >
            {kindNames.map((each) => (
              <option key={each} value={each}>
                {kinds[each]}
              </option>
            ))}
          </select>
        )}
      </Field>
      <ValuesField dimension={dimension} change={(how) => changeSetting(pointer, (now) => [pointer, how(now)])} />
      <button
        type="button"
        class="small"
        aria-label={`Remove ${pointer}`}
        onClick={() => changeSetting(pointer, () => null)}
        disabled={Object.keys(space).length === 1}
      >
        Remove
      </button>
    </li>
  );
}

function Own({ space, form }: { space: Space; form: FormContext }): JSX.Element {
  const list = useId();
  const next = Object.entries(usual).find(([pointer]) => !(pointer in space));
  return (
    <>
      <datalist id={list}>
        {Object.keys(usual).map((pointer) => (
          <option key={pointer} value={pointer} />
        ))}
      </datalist>
      <ul class="plain-list space-rows">
        {Object.entries(space).map(([pointer, dimension], at) => (
          <Row key={at} pointer={pointer} dimension={dimension} space={space} form={form} list={list} />
        ))}
      </ul>
      {next ? (
        <button type="button" onClick={() => changeDraft(["space"], { ...peekSpace(), [next[0]]: next[1] })}>
          Search another setting
        </button>
      ) : null}
    </>
  );
}

interface SpaceChoiceProps {
  form: FormContext;
  /** What the service would search by itself; null while nobody knows. */
  chosen: Space | null;
}

export function SpaceChoice({ form, chosen }: SpaceChoiceProps): JSX.Element {
  const space = spaceOf(form.draft);
  const own = (): Space => chosen ?? { "/optimiser/learningRate": usual["/optimiser/learningRate"] ?? {} };
  return (
    <Section
      title="What is searched"
      aside={
        <Choice
          label="Who chooses what is searched"
          of={[
            { value: "auto", label: "Automatic" },
            { value: "own", label: "My own" },
          ]}
          value={space === "auto" ? "auto" : "own"}
          choose={(value) => changeDraft(["space"], value === "auto" ? "auto" : own())}
        />
      }
    >
      {space === "auto" ? (
        <p class="soft">What is worth it for this network and these samples is chosen, with its reasons.</p>
      ) : (
        <Own space={space} form={form} />
      )}
    </Section>
  );
}
