/** Who takes what is dropped on the page: a page that has its own use for files, or else the datasets. */
import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { uploadDrop } from "../uploads/uploads.ts";

export interface Taker {
  /** What a drop would do here, as a sentence. */
  says: string;
  take: (data: DataTransfer) => void;
}

const usual: Taker = { says: "Drop to make a dataset of it", take: uploadDrop };
export const taker = signal<Taker>(usual);

/** While the component is there, what is dropped anywhere is its own. */
export function useDrops({ says, take }: Taker): void {
  useEffect(() => {
    const own = { says, take };
    taker.value = own;
    return () => {
      if (taker.peek() === own) taker.value = usual;
    };
  }, [says, take]);
}
