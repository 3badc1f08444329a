/** Named shares as bars, in the order they are given: nothing jumps while numbers change. */
import type { ComponentChildren, JSX } from "preact";

export interface Bar {
  name: string;
  /** 0 to 1 of the width. */
  share: number;
  text: ComponentChildren;
  /** A page for this one. */
  href?: string;
  isStrong?: boolean;
}

export const Bars = ({ of, label }: { of: readonly Bar[]; label: string }): JSX.Element => (
  <ul class="plain-list bars" aria-label={label} tabIndex={0}>
    {of.map(({ name, share, text, href, isStrong = false }) => (
      <li key={name} class={isStrong ? "bar chosen" : "bar"} style={{ "--share": String(share) }}>
        {href === undefined ? (
          <span class="bar-name">{name}</span>
        ) : (
          <a class="bar-name" href={href} {...(isStrong ? { "aria-current": "true" as const } : {})}>
            {name}
          </a>
        )}
        <span class="bar-text">{text}</span>
      </li>
    ))}
  </ul>
);
