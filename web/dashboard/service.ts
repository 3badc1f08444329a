/** The one door to the service: every question that the dashboard asks goes through here. */
import { Client, Problem } from "../../client/index.ts";
import { answered, keyMissing, unreachable } from "./store/connection.ts";

const isAbort = (error: unknown): boolean => error instanceof DOMException && error.name === "AbortError";

/** Tells the rest of the page whether the service answers, and whether it wants a key. */
const watched: typeof fetch = async (input, init) => {
  try {
    const answer = await fetch(input, init);
    answered();
    if (answer.status === 401) keyMissing();
    return answer;
  } catch (error) {
    if (!isAbort(error)) unreachable();
    throw error;
  }
};

/** The dashboard lives at the service's own address. */
export const service = new Client("", { fetch: watched });

/** Whatever was thrown, as an error with a sentence. */
export const asError = (thrown: unknown): Error => (thrown instanceof Error ? thrown : new Error(String(thrown)));

/** What a refusal says of each place of the request, by its pointer. */
export const problemsOf = (error: Error | null): readonly { pointer: string; detail: string }[] =>
  error instanceof Problem ? error.errors : [];
