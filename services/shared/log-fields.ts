/** What a piece of work is about stands in every line that is logged on its way, whoever logs it. */
import { AsyncLocalStorage } from "node:async_hooks";

type Fields = Readonly<Record<string, unknown>>;

const present = new AsyncLocalStorage<Fields>();

/** Threads that answer later do so outside of it: whoever hears them has a log of its own with the same fields. */
export const withLogFields = <Result>(fields: Fields, work: () => Promise<Result>): Promise<Result> =>
  present.run({ ...present.getStore(), ...fields }, work);

/** Those that a logger does not have itself. */
export function logFields(own: Fields): Record<string, unknown> {
  const fields = present.getStore();
  if (fields === undefined) return {};
  return Object.fromEntries(Object.entries(fields).filter(([name]) => !Object.hasOwn(own, name)));
}
