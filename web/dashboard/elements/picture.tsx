/** A picture that the service draws. Until it has come, what stands below it waits. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { Waiting } from "./basics.tsx";

interface PictureProps {
  src: string;
  alt: string;
  class?: string;
}

export function Picture({ src, alt, class: className = "pixels" }: PictureProps): JSX.Element {
  const [hasCome, setCome] = useState(false);
  return (
    <>
      <img class={className} src={src} alt={alt} onLoad={() => setCome(true)} onError={() => setCome(true)} />
      {hasCome ? null : <Waiting what="Asking for the picture" />}
    </>
  );
}
