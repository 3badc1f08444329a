/**
 * What the pages show of the service: asked for once however many look at it, asked again while somebody looks and the
 * tab is in front, kept for a while so that a page one comes back to is there at once.
 */
import { signal, type ReadonlySignal, type Signal } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { onReturn } from "./connection.ts";

export interface Resource<Value> {
  /** undefined until it first came. */
  value: ReadonlySignal<Value | undefined>;
  problem: ReadonlySignal<Error | null>;
  /** Asks now: what was asked before has an answer of yesterday. */
  refresh: () => Promise<void>;
  /** Asks soon, after the question that is under way; however often it is called, now and then. */
  renew: () => void;
}

export interface Asking<Value> {
  ask: (signal: AbortSignal) => Promise<Value>;
  /** Milliseconds between an answer and the next question; null: no more. */
  every?: number | null | ((value: Value) => number | null);
}

interface Entry<Value> extends Resource<Value> {
  value: Signal<Value | undefined>;
  problem: Signal<Error | null>;
  watchers: number;
  asking: Asking<Value>;
  timer: ReturnType<typeof setTimeout> | undefined;
  /** Something happened since it was last asked for. */
  isOld: boolean;
  underWay: AbortController | null;
}

const mostKept = 60;
/** Between an answer and the next question of those that are asked soon. */
const soonMs = 500;
// Each entry is read back with the type that its key was first asked with.
const entries = new Map<string, Entry<never>>();

const isAbort = (error: unknown): boolean => error instanceof DOMException && error.name === "AbortError";

function waitOf<Value>({ asking, value, isOld }: Entry<Value>): number | null {
  if (isOld) return soonMs;
  const { every = null } = asking;
  const known = value.peek();
  return typeof every === "function" ? (known === undefined ? 2000 : every(known)) : every;
}

function schedule<Value>(entry: Entry<Value>): void {
  clearTimeout(entry.timer);
  const ms = waitOf(entry);
  if (ms === null || entry.watchers === 0) return;
  entry.timer = setTimeout(() => {
    if (document.hidden) schedule(entry);
    else void look(entry);
  }, ms);
}

async function look<Value>(entry: Entry<Value>): Promise<void> {
  entry.underWay?.abort();
  clearTimeout(entry.timer);
  entry.isOld = false;
  const own = new AbortController();
  entry.underWay = own;
  try {
    const value = await entry.asking.ask(own.signal);
    if (own.signal.aborted) return;
    entry.value.value = value;
    entry.problem.value = null;
  } catch (error) {
    if (isAbort(error) || own.signal.aborted) return;
    entry.problem.value = error instanceof Error ? error : new Error(String(error));
  } finally {
    if (entry.underWay === own) {
      entry.underWay = null;
      schedule(entry);
    }
  }
}

function make<Value>(asking: Asking<Value>): Entry<Value> {
  const entry: Entry<Value> = {
    value: signal<Value | undefined>(undefined),
    problem: signal<Error | null>(null),
    watchers: 0,
    asking,
    timer: undefined,
    isOld: false,
    underWay: null,
    refresh: () => look(entry),
    renew: () => {
      if (entry.isOld) return;
      entry.isOld = true;
      if (!entry.underWay) schedule(entry);
    },
  };
  return entry;
}

/** Lets go of what nobody looks at, the oldest first. */
function tidy(): void {
  for (const [key, entry] of entries) {
    if (entries.size <= mostKept) return;
    if (entry.watchers === 0) entries.delete(key);
  }
}

function entryOf<Value>(key: string, asking: Asking<Value>): Entry<Value> {
  const known = entries.get(key) as Entry<Value> | undefined;
  if (known) return known;
  const made = make(asking);
  entries.set(key, made as unknown as Entry<never>);
  tidy();
  return made;
}

/** Looks at what stands behind a key while the component is there. Those who use a key ask the same. */
export function useResource<Value>(key: string, asking: Asking<Value>): Resource<Value> {
  const entry = useMemo(() => entryOf(key, asking), [key]);
  entry.asking = asking;
  useEffect(() => {
    entry.watchers += 1;
    if (!entry.underWay) void look(entry);
    return () => {
      entry.watchers -= 1;
      if (entry.watchers > 0) return;
      clearTimeout(entry.timer);
      entry.underWay?.abort();
      entry.underWay = null;
    };
  }, [entry]);
  return entry;
}

/** What was there stays until the next has come, so that a page does not fall together while another view is asked for. */
export function useLast<Value>(value: Value | undefined): Value | undefined {
  const last = useRef(value);
  if (value !== undefined) last.current = value;
  return last.current;
}

/** Asks again for everything that is looked at and whose key begins so: after something was changed. */
export function refreshAll(prefix = ""): void {
  for (const [key, entry] of entries) if (key.startsWith(prefix) && entry.watchers > 0) void look(entry);
}

onReturn(() => refreshAll());
addEventListener("visibilitychange", () => {
  if (!document.hidden) refreshAll();
});
