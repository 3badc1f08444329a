/** A place that shows where files go, with buttons for those who do not drag. */
import type { JSX } from "preact";
import { useRef } from "preact/hooks";
import { uploadFiles } from "../uploads/uploads.ts";

function Picker({ label, folder }: { label: string; folder: boolean }): JSX.Element {
  const input = useRef<HTMLInputElement>(null);
  const take = (): void => {
    const { current } = input;
    if (!current?.files || current.files.length === 0) return;
    uploadFiles(current.files);
    current.value = "";
  };
  return (
    <>
      <button type="button" onClick={() => input.current?.click()}>
        {label}
      </button>
      <input
        ref={input}
        type="file"
        hidden
        multiple
        aria-label={label}
        onChange={take}
        {...(folder ? { webkitdirectory: true } : {})}
      />
    </>
  );
}

export const DropPlace = ({ large = false }: { large?: boolean }): JSX.Element => (
  <div class={`drop-place ${large ? "large" : ""}`}>
    <p class="drop-title">Drop a folder of pictures here, or anywhere</p>
    <p class="soft">
      One folder for each class, with its pictures inside. A ZIP of that, a table (CSV), NPZ or IDX files do as well.
    </p>
    <div class="actions">
      <Picker label="Choose a folder" folder />
      <Picker label="Choose files" folder={false} />
    </div>
  </div>
);
