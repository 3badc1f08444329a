/** What training would see of the samples: sliders, and the service's own distortions of a few. */
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { Dataset } from "../../../../schemas/dataset.ts";
import { Section } from "../../elements/basics.tsx";
import { Field } from "../../elements/field.tsx";
import { Picture } from "../../elements/picture.tsx";
import { withQuery } from "../../router.ts";
import { service } from "../../service.ts";

interface Settings {
  shift: number;
  rotate: number;
  scale: number;
  elastic: number;
  flip: boolean;
  seed: number;
}

const nothing: Settings = { shift: 2, rotate: 10, scale: 0.1, elastic: 0, flip: false, seed: 1 };

const sliders = [
  { name: "shift", label: "Shift", most: 8, step: 0.5, unit: " pixels" },
  { name: "rotate", label: "Rotate", most: 45, step: 1, unit: "°" },
  { name: "scale", label: "Scale", most: 0.5, step: 0.01, unit: "" },
  { name: "elastic", label: "Elastic", most: 60, step: 1, unit: "" },
] as const;

/** What a job's request would say. */
const augmentationOf = ({ shift, rotate, scale, elastic, flip }: Settings) => ({
  ...(shift > 0 ? { shift } : {}),
  ...(rotate > 0 ? { rotate } : {}),
  ...(scale > 0 ? { scale } : {}),
  ...(elastic > 0 ? { elastic: { alpha: elastic, sigma: 4 } } : {}),
  ...(flip ? { flip } : {}),
});

function sheetOf(dataset: Dataset, settings: Settings): string {
  const { width = 28 } = dataset.shape ?? {};
  const zoom = Math.max(1, Math.min(6, Math.round(64 / width)));
  const { elastic, ...rest } = augmentationOf(settings);
  const copies = Math.max(3, Math.min(9, Math.floor(700 / ((width + 1) * zoom)) - 1));
  return service.urls.augmentationSheet(dataset.id, {
    ...rest,
    ...(elastic ? { elastic: JSON.stringify(elastic) } : {}),
    seed: settings.seed,
    limit: 4,
    copies,
    zoom,
  });
}

const pauseMs = 150;

/** A value a moment after it last changed. */
function useSettled<Value>(value: Value): Value {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), pauseMs);
    return () => clearTimeout(timer);
  }, [value]);
  return settled;
}

function Sliders({
  settings,
  change,
}: {
  settings: Settings;
  change: (fields: Partial<Settings>) => void;
}): JSX.Element {
  return (
    <div class="sliders">
      {sliders.map(({ name, label, most, step, unit }) => (
        <Field key={name} label={`${label} ${settings[name]}${unit}`}>
          {(attributes) => (
            <input
              {...attributes}
              type="range"
              min={0}
              max={most}
              step={step}
              value={settings[name]}
              onInput={({ currentTarget }) => change({ [name]: Number(currentTarget.value) })}
            />
          )}
        </Field>
      ))}
      <label class="check">
        <input
          type="checkbox"
          checked={settings.flip}
          onChange={({ currentTarget }) => change({ flip: currentTarget.checked })}
        />
        Mirror left and right
      </label>
      <button type="button" class="small" onClick={() => change({ seed: settings.seed + 1 })}>
        Draw again
      </button>
    </div>
  );
}

export function Augmentations({ dataset }: { dataset: Dataset }): JSX.Element {
  const [settings, setSettings] = useState(nothing);
  const settled = useSettled(settings);
  const request = JSON.stringify({ augmentation: augmentationOf(settings) });
  return (
    <Section
      title="What training could see"
      aside={<a href={withQuery("/jobs/new", { dataset: dataset.alias ?? dataset.id, request })}>Train with these</a>}
    >
      <p class="soft lead">
        Distorted copies make a small dataset go further. The first column is as it is; each row shows what training
        would be given in its place.
      </p>
      <div class="augmentations">
        <Sliders settings={settings} change={(fields) => setSettings({ ...settings, ...fields })} />
        <figure class="sheet">
          <Picture src={sheetOf(dataset, settled)} alt="Four samples and distorted copies of each" />
        </figure>
      </div>
    </Section>
  );
}
