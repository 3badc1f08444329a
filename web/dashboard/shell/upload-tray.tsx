/** What is on its way to the service, on every page. */
import type { JSX } from "preact";
import { Progress } from "../elements/basics.tsx";
import { bytes, counted, percent } from "../format.ts";
import { dismiss, retry, uploads, type Upload } from "../uploads/uploads.ts";

const shareOf = ({ phase, sentBytes, totalBytes }: Upload): number | null =>
  phase === "reading" || totalBytes === null ? null : sentBytes / Math.max(1, totalBytes);

function sentence(upload: Upload): string {
  const { phase, count, sentBytes, totalBytes } = upload;
  if (phase === "reading") return count === 0 ? "Looking at the files" : `Found ${counted(count, "file")} so far`;
  if (totalBytes === null) return counted(count, "file");
  return `${counted(count, "file")} · ${bytes(sentBytes)} of ${bytes(totalBytes)} · ${percent(shareOf(upload))}`;
}

function Row({ upload }: { upload: Upload }): JSX.Element {
  const { id, name, phase, detail, canRetry } = upload;
  return (
    <li class="upload">
      <div class="upload-top">
        <strong class="name">{phase === "failed" ? `${name} was not taken` : `Uploading ${name}`}</strong>
        {phase === "failed" && canRetry ? (
          <button type="button" class="small" onClick={() => retry(id)}>
            Try again
          </button>
        ) : null}
        <button type="button" class="small" onClick={() => dismiss(id)}>
          {phase === "failed" ? "Dismiss" : "Cancel"}
        </button>
      </div>
      {phase === "failed" ? (
        <p class="bad-text" role="alert">
          {detail}
        </p>
      ) : (
        <>
          <Progress share={shareOf(upload)} label={`Upload of ${name}`} />
          <p class="soft">{sentence(upload)}</p>
        </>
      )}
    </li>
  );
}

export function UploadTray(): JSX.Element | null {
  if (uploads.value.length === 0) return null;
  return (
    <aside class="tray" aria-label="Uploads">
      <ul class="plain-list">
        {uploads.value.map((upload) => (
          <Row key={upload.id} upload={upload} />
        ))}
      </ul>
    </aside>
  );
}
