/** Which sample the page looks at, and which class δ starts from. */
import type { JSX } from "preact";
import { useRef } from "preact/hooks";
import type { Model } from "../../../../schemas/model.ts";
import { Choice } from "../../elements/choice.tsx";
import { useEdited } from "../../elements/edited.ts";
import { Field } from "../../elements/field.tsx";
import { setQuery } from "../../router.ts";
import type { Explained, Source } from "./subject.ts";

export const splits = ["train", "validation", "test"] as const;

interface BarProps {
  model: Model;
  source: Source;
  answer: Explained | undefined;
  /** The class that δ starts from, where one was chosen. */
  of: string | null;
  choosePicture: (file: File | null) => void;
}

function SampleOfSplit({ split, index }: { split: string; index: number }): JSX.Element {
  const step = (to: number): void => setQuery({ sample: String(Math.max(0, to)) });
  const edited = useEdited({
    shown: String(index),
    commit: (text) => {
      step(Number(text));
      return null;
    },
  });
  return (
    <>
      <Choice
        label="Split"
        of={splits.map((value) => ({ value, label: value }))}
        value={splits.find((each) => each === split) ?? "test"}
        choose={(chosen) => setQuery({ split: chosen, sample: "0" })}
      />
      <Field label="Sample" class="inline">
        {(attributes) => <input {...attributes} {...edited} class="short" type="number" min={0} />}
      </Field>
      <button type="button" class="small" onClick={() => step(index - 1)} disabled={index === 0}>
        Previous
      </button>
      <button type="button" class="small" onClick={() => step(index + 1)}>
        Next
      </button>
    </>
  );
}

function PictureButton({ choose }: { choose: (file: File | null) => void }): JSX.Element {
  const file = useRef<HTMLInputElement>(null);
  return (
    <>
      <button type="button" class="small" onClick={() => file.current?.click()}>
        A picture of yours
      </button>
      <input
        ref={file}
        type="file"
        accept="image/*"
        class="unseen"
        tabIndex={-1}
        aria-label="A picture of yours"
        onChange={(event) => choose(event.currentTarget.files?.[0] ?? null)}
      />
    </>
  );
}

export const SourceBar = ({ model, source, answer, of, choosePicture }: BarProps): JSX.Element => (
  <div class="source-bar">
    {"picture" in source ? (
      <p>
        {source.picture.name}{" "}
        <button type="button" class="small" onClick={() => choosePicture(null)} disabled={model.dataset === null}>
          Back to the dataset
        </button>
      </p>
    ) : (
      <SampleOfSplit split={source.split} index={source.index} />
    )}
    <PictureButton choose={choosePicture} />
    <Field label="Class that δ starts from" class="inline">
      {(attributes) => (
        <select
          {...attributes}
          value={of ?? String(answer?.class ?? "")}
          onChange={(event) => setQuery({ class: event.currentTarget.value })}
        >
          {model.classes.map((name, at) => (
            <option key={name} value={at}>
              {name}
              {answer?.label === at ? " (true)" : ""}
            </option>
          ))}
        </select>
      )}
    </Field>
  </div>
);
