/** Asks the model about what is shown: one question under way, the newest next, those between left out. */
import { useEffect, useRef, useState } from "preact/hooks";
import type { PredictionAnswer } from "../../../../client/types.ts";
import { asError, service } from "../../service.ts";

export interface Answering {
  answer: PredictionAnswer | null;
  /** The picture that was answered; null where there is no answer. */
  picture: Blob | null;
  problem: Error | null;
  /** Milliseconds from the question to its answer. */
  took: number | null;
}

const nothing: Answering = { answer: null, picture: null, problem: null, took: null };

export function useAnswer(model: string, picture: Blob | null, topK: number): Answering {
  const [state, setState] = useState<Answering>(nothing);
  const waiting = useRef<Blob | null>(null);
  const isAsking = useRef(false);
  useEffect(() => {
    waiting.current = picture;
    if (picture === null) return setState(nothing);
    if (isAsking.current) return;
    void (async () => {
      isAsking.current = true;
      while (waiting.current) {
        const asked = waiting.current;
        const began = performance.now();
        try {
          const answer = await service.models.predict(model, asked, { topK });
          setState({ answer, picture: asked, problem: null, took: performance.now() - began });
        } catch (error) {
          setState({ ...nothing, problem: asError(error) });
        }
        if (waiting.current === asked) waiting.current = null;
      }
      isAsking.current = false;
    })();
  }, [model, picture, topK]);
  return picture === null ? nothing : state;
}

/** A picture that the service draws of the input, as an address; null while there is none. */
export function useDrawn(
  picture: Blob | null,
  draw: (picture: Blob, signal: AbortSignal) => Promise<Response>,
  key: string,
) {
  const [drawn, setDrawn] = useState<{ url: string | null; problem: Error | null }>({ url: null, problem: null });
  useEffect(() => {
    if (picture === null) return setDrawn({ url: null, problem: null });
    const asking = new AbortController();
    let url: string | null = null;
    // While somebody draws, only what stands still for a moment is drawn by the service.
    const later = setTimeout(() => {
      draw(picture, asking.signal)
        .then((answer) => answer.blob())
        .then((blob) => {
          if (asking.signal.aborted) return;
          url = URL.createObjectURL(blob);
          setDrawn({ url, problem: null });
        })
        .catch((error: unknown) => {
          if (!asking.signal.aborted) setDrawn({ url: null, problem: asError(error) });
        });
    }, 150);
    return () => {
      clearTimeout(later);
      asking.abort();
      if (url) URL.revokeObjectURL(url);
    };
  }, [picture, key]);
  return drawn;
}
