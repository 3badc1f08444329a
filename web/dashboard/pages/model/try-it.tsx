/** Ask the model: draw, drop, paste or choose a picture, or take a sample; the classes answer as one draws. */
import type { JSX } from "preact";
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import type { PredictionAnswer } from "../../../../client/types.ts";
import type { Model } from "../../../../schemas/model.ts";
import { ProblemNote, Section } from "../../elements/basics.tsx";
import { Bars } from "../../elements/bars.tsx";
import { useDrops } from "../../elements/drops.ts";
import { percent } from "../../format.ts";
import { asError, service } from "../../service.ts";
import { useAnswer } from "./answering.ts";
import { DrawingBoard } from "./drawing-board.tsx";
import { WhatLayersMake } from "./what-layers-make.tsx";

/** With more classes the likeliest are shown. */
const mostClasses = 20;

/** Light strokes on dark where the training data is dark on average. */
function isLightOnDark({ normalisation }: Model): boolean {
  const mean = normalisation.mean.reduce((sum, each) => sum + each, 0) / Math.max(1, normalisation.mean.length);
  return mean < 127;
}

const firstImage = (files: Iterable<File>): File | null => {
  for (const file of files) if (file.type.startsWith("image/")) return file;
  return null;
};

/** The classes in their own order, so that nothing jumps; with many of them the likeliest. */
function Answer({ model, answer }: { model: Model; answer: PredictionAnswer | null }): JSX.Element {
  const prediction = answer?.predictions[0];
  const ranked = prediction?.topK ?? [];
  const byClass = [...ranked].sort((one, other) => one.class - other.class);
  const rows =
    model.classes.length <= mostClasses
      ? model.classes.map((name, at) => ({
          class: at,
          name,
          probability: byClass.find((each) => each.class === at)?.probability ?? 0,
        }))
      : ranked;
  return (
    <>
      <p class="answer" role="status">
        {prediction ? (
          <>
            <strong>{prediction.name}</strong> <span class="soft">{percent(prediction.confidence)}</span>
          </>
        ) : (
          <span class="soft">Draw, or give it a picture.</span>
        )}
      </p>
      <Bars
        label="How likely each class is"
        of={rows.map((row) => ({
          name: row.name,
          share: prediction ? row.probability : 0,
          text: prediction ? percent(row.probability) : "",
          isStrong: row.class === prediction?.class,
        }))}
      />
    </>
  );
}

function useSample(
  model: Model,
  show: (picture: Blob, name: string) => void,
): { take: () => void; problem: Error | null } {
  const [problem, setProblem] = useState<Error | null>(null);
  const take = (): void => {
    const { dataset } = model;
    if (dataset === null) return;
    void (async () => {
      try {
        const { splits } = await service.datasets.get(dataset.id);
        const split = splits.test > 0 ? "test" : splits.validation > 0 ? "validation" : "train";
        const index = Math.floor(Math.random() * splits[split]);
        const answer = await service.datasets.samplePicture(dataset.id, { split, index });
        setProblem(null);
        show(await answer.blob(), `sample ${index} of the ${split} split`);
      } catch (error) {
        setProblem(asError(error));
      }
    })();
  };
  return { take, problem };
}

function Chooser({ show }: { show: (file: File) => void }): JSX.Element {
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <button type="button" onClick={() => input.current?.click()}>
        Choose a picture
      </button>
      <input
        ref={input}
        type="file"
        hidden
        accept="image/*"
        aria-label="Choose a picture"
        onChange={() => {
          const file = input.current?.files?.[0];
          if (file) show(file);
          if (input.current) input.current.value = "";
        }}
      />
    </>
  );
}

interface Shown {
  picture: Blob;
  /** null for a drawing. */
  name: string | null;
}

/** An address for a picture that was given, while it is shown. */
function usePreview(shown: Shown | null): string | null {
  const [url, setUrl] = useState<string | null>(null);
  useEffect(() => {
    if (shown === null || shown.name === null) return setUrl(null);
    const made = URL.createObjectURL(shown.picture);
    setUrl(made);
    return () => URL.revokeObjectURL(made);
  }, [shown]);
  return url;
}

function useGiven(show: (file: File) => void): void {
  const take = useCallback((data: DataTransfer) => {
    const file = firstImage(data.files);
    if (file) show(file);
  }, []);
  useDrops({ says: "Drop a picture to ask the model about it", take });
  useEffect(() => {
    const paste = (event: ClipboardEvent): void => {
      const file = firstImage(event.clipboardData?.files ?? []);
      if (file) show(file);
    };
    document.addEventListener("paste", paste);
    return () => document.removeEventListener("paste", paste);
  }, []);
}

export function TryIt({ model }: { model: Model }): JSX.Element {
  const [shown, setShown] = useState<Shown | null>(null);
  const show = (picture: Blob, name: string): void => setShown({ picture, name });
  useGiven((file) => show(file, file.name));
  const sample = useSample(model, show);
  const {
    answer,
    picture: answered,
    problem,
    took,
  } = useAnswer(model.id, shown?.picture ?? null, Math.min(model.classes.length, mostClasses));
  const preview = usePreview(shown);
  const drawn = (board: HTMLCanvasElement | null): void => {
    if (board === null) setShown(null);
    else board.toBlob((picture) => picture && setShown({ picture, name: null }), "image/png");
  };
  return (
    <Section title="Try it" aside={took === null ? null : <span class="soft">answered in {Math.round(took)} ms</span>}>
      <div class="try-it">
        <div>
          {preview ? (
            <figure class="given">
              <img class="pixels" src={preview} alt={shown?.name ?? ""} />
              <figcaption class="soft small-text">
                {shown?.name}{" "}
                <button type="button" class="small" onClick={() => setShown(null)}>
                  Draw instead
                </button>
              </figcaption>
            </figure>
          ) : (
            <DrawingBoard
              width={model.input.width}
              height={model.input.height}
              isLightOnDark={isLightOnDark(model)}
              changed={drawn}
            />
          )}
          <div class="actions try-actions">
            <Chooser show={(file) => show(file, file.name)} />
            {model.dataset === null ? null : (
              <button type="button" onClick={sample.take}>
                A sample by chance
              </button>
            )}
          </div>
          <p class="soft small-text">Dropping or pasting a picture does as well.</p>
          <ProblemNote problem={problem ?? sample.problem} />
        </div>
        <div>
          <Answer model={model} answer={answer} />
          {answer && answer.conversion.length > 0 ? (
            <p class="soft small-text conversion">{answer.conversion.join("; ")}</p>
          ) : null}
        </div>
      </div>
      {/* Asked of what was answered: a picture that was refused would be refused by every layer. */}
      {answered ? <WhatLayersMake model={model} picture={answered} /> : null}
    </Section>
  );
}
