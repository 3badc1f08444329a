/** A long list of which only what can be seen is in the page: rows of one height, scrolled with the window. */
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

export interface VirtualListProps<Item> {
  items: readonly Item[];
  /** CSS pixels of a row. */
  height: number;
  label: string;
  keyOf: (item: Item) => string;
  children: (item: Item) => ComponentChildren;
}

/** Rows above and below the window that are there already. */
const beyond = 8;

interface Window {
  from: number;
  to: number;
}

export function VirtualList<Item>(props: VirtualListProps<Item>): JSX.Element {
  const { items, height, label, keyOf, children } = props;
  const list = useRef<HTMLUListElement>(null);
  const [{ from, to }, setWindow] = useState<Window>({ from: 0, to: 30 });
  useEffect(() => {
    let frame = 0;
    const look = (): void => {
      frame = 0;
      const top = list.current?.getBoundingClientRect().top ?? 0;
      const first = Math.max(0, Math.floor(-top / height) - beyond);
      const last = Math.ceil((innerHeight - top) / height) + beyond;
      setWindow((before) => (before.from === first && before.to === last ? before : { from: first, to: last }));
    };
    const later = (): void => {
      if (frame === 0) frame = requestAnimationFrame(look);
    };
    look();
    addEventListener("scroll", later, { passive: true });
    addEventListener("resize", later);
    return () => {
      cancelAnimationFrame(frame);
      removeEventListener("scroll", later);
      removeEventListener("resize", later);
    };
  }, [height, items.length]);
  return (
    <ul ref={list} class="plain-list virtual" aria-label={label} style={{ height: `${items.length * height}px` }}>
      {items.slice(from, to).map((item, at) => (
        <li
          key={keyOf(item)}
          aria-setsize={items.length}
          aria-posinset={from + at + 1}
          style={{ height: `${height}px`, transform: `translateY(${(from + at) * height}px)` }}
        >
          {children(item)}
        </li>
      ))}
    </ul>
  );
}
