/** Samples that a model answered, as pictures with what it said of them. */
import type { JSX } from "preact";
import type { Split } from "../../../../schemas/dataset.ts";
import type { Model } from "../../../../schemas/model.ts";
import type { SplitPrediction } from "../../../../schemas/prediction.ts";
import { percent } from "../../format.ts";
import { withQuery } from "../../router.ts";
import { service } from "../../service.ts";

/** Small pictures are drawn at about this size. */
const wantedPixels = 72;

interface Props {
  model: Model;
  split: Split;
  rows: readonly SplitPrediction[];
}

export function Pictures({ model, split, rows }: Props): JSX.Element {
  const { width, height } = model.input;
  const scale = Math.max(1, Math.min(8, Math.round(wantedPixels / Math.max(width, height))));
  return (
    <ul class="plain-list pictures">
      {rows.map(({ index, class: truth, predicted, confidence }) => (
        <li key={index}>
          <a href={withQuery(`/models/${model.id}/mathematics`, { split, sample: index })}>
            {model.dataset ? (
              <img
                class="pixels"
                loading="lazy"
                width={width * scale}
                height={height * scale}
                src={service.urls.sample(model.dataset.id, { split, index, scale })}
                alt={`sample ${index}`}
              />
            ) : null}
            <span class="picture-says">
              {model.classes[predicted]} <span class="soft">{percent(confidence)}</span>
            </span>
            <span class="soft small-text">{truth === predicted ? "right" : `is ${model.classes[truth]}`}</span>
          </a>
        </li>
      ))}
    </ul>
  );
}
