/** Class counts beside a sheet of samples: of all classes, or of the one that was chosen. */
import type { JSX } from "preact";
import type { Dataset, Split } from "../../../../schemas/dataset.ts";
import { Bars } from "../../elements/bars.tsx";
import { Choice } from "../../elements/choice.tsx";
import { Section } from "../../elements/basics.tsx";
import { Picture } from "../../elements/picture.tsx";
import { count, counted } from "../../format.ts";
import { place, setQuery, withQuery } from "../../router.ts";
import { service } from "../../service.ts";

const splitLabels: Record<Split, string> = { train: "Training", validation: "Validation", test: "Test" };
const sheetWidth = 640;

function Counts({ dataset, split, label }: { dataset: Dataset; split: Split; label: number | null }): JSX.Element {
  const counts = dataset.statistics?.classCounts[split] ?? [];
  const most = Math.max(1, ...counts);
  const to = (next: number | null): string =>
    withQuery(`/datasets/${dataset.id}`, { split: split === "train" ? null : split, label: next });
  return (
    <div class="counts">
      <p class="soft small-text">
        {counted(dataset.classes.length, "class", "classes")}; choose one to see its samples alone.
        {label === null ? null : (
          <>
            {" "}
            <a href={to(null)}>All classes</a>
          </>
        )}
      </p>
      <Bars
        label="Samples by class"
        of={dataset.classes.map((name, at) => ({
          name,
          share: (counts[at] ?? 0) / most,
          text: count(counts[at] ?? 0),
          href: to(at),
          isStrong: at === label,
        }))}
      />
    </div>
  );
}

function Sheet({ dataset, split, label }: { dataset: Dataset; split: Split; label: number | null }): JSX.Element {
  const { width = 28 } = dataset.shape ?? {};
  const scale = Math.max(1, Math.min(8, Math.round(56 / width)));
  const columns = Math.max(2, Math.min(16, Math.floor(sheetWidth / ((width + 1) * scale))));
  const counts = dataset.statistics?.classCounts[split] ?? [];
  const there = label === null ? dataset.splits[split] : (counts[label] ?? 0);
  const limit = Math.min(there, columns * 8);
  const what = label === null ? "of all classes" : `of class ${dataset.classes[label] ?? label}`;
  if (there === 0) return <p class="soft">There are no samples {what} in this split.</p>;
  const query = { split, limit, columns, scale, ...(label === null ? {} : { label: String(label) }) };
  return (
    <figure class="sheet">
      <Picture src={service.urls.sampleSheet(dataset.id, query)} alt={`${count(limit)} samples ${what}`} />
      <figcaption class="soft small-text">
        {count(limit)} of {count(there)} samples {what}, spread over the split
      </figcaption>
    </figure>
  );
}

export function Samples({ dataset }: { dataset: Dataset }): JSX.Element {
  const { query } = place.value;
  const there = (["train", "validation", "test"] as const).filter((each) => dataset.splits[each] > 0);
  const split = there.find((each) => each === query.get("split")) ?? there[0] ?? "train";
  const chosen = Number(query.get("label") ?? "-1");
  const label = Number.isInteger(chosen) && chosen >= 0 && chosen < dataset.classes.length ? chosen : null;
  return (
    <Section
      title="What is in it"
      aside={
        <Choice
          label="Split"
          of={there.map((value) => ({ value, label: `${splitLabels[value]} ${count(dataset.splits[value])}` }))}
          value={split}
          choose={(value) => setQuery({ split: value })}
        />
      }
    >
      <div class="samples">
        <Counts dataset={dataset} split={split} label={label} />
        <Sheet dataset={dataset} split={split} label={label} />
      </div>
    </Section>
  );
}
