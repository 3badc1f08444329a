/** Files may be dropped anywhere: they become a dataset, unless the page has a better use for them. */
import { signal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { taker } from "../elements/drops.ts";

const isOver = signal(false);

const hasFiles = ({ dataTransfer }: DragEvent): boolean => dataTransfer?.types.includes("Files") ?? false;

function listen(): () => void {
  const over = (event: DragEvent): void => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    isOver.value = true;
  };
  const leave = (event: DragEvent): void => {
    if (event.relatedTarget === null) isOver.value = false;
  };
  const drop = (event: DragEvent): void => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    isOver.value = false;
    if (event.dataTransfer) taker.peek().take(event.dataTransfer);
  };
  const each = { dragover: over, dragenter: over, dragleave: leave, drop };
  for (const [name, call] of Object.entries(each)) document.addEventListener(name, call as EventListener);
  return () => {
    for (const [name, call] of Object.entries(each)) document.removeEventListener(name, call as EventListener);
  };
}

export function DropLayer(): JSX.Element | null {
  useEffect(listen, []);
  if (!isOver.value) return null;
  return (
    <div class="drop-layer" aria-hidden="true">
      <p>{taker.value.says}</p>
    </div>
  );
}
