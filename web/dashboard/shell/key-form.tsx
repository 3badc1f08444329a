/** Asks for a key where the service wants one; a cookie that no script can read remembers it. */
import type { JSX } from "preact";
import { useId, useState } from "preact/hooks";
import { PageHead } from "../elements/basics.tsx";
import { asError, service } from "../service.ts";
import { keyGiven } from "../store/connection.ts";

export function KeyForm(): JSX.Element {
  const id = useId();
  const [key, setKey] = useState("");
  const [refusal, setRefusal] = useState<string | null>(null);
  const give = async (event: Event): Promise<void> => {
    event.preventDefault();
    try {
      await service.access.begin({ key: key.trim() });
      keyGiven();
    } catch (error) {
      setRefusal(asError(error).message);
    }
  };
  return (
    <>
      <PageHead title="A key, please" />
      <form class="card key-form" onSubmit={(event) => void give(event)}>
        <p>This service asks who comes. Paste the key that you were given; it begins with “fm_”.</p>
        <label class="field" for={id}>
          <span class="field-label">Key</span>
          <input
            id={id}
            type="password"
            autocomplete="current-password"
            required
            value={key}
            onInput={({ currentTarget }) => setKey(currentTarget.value)}
            aria-invalid={refusal !== null}
            aria-describedby={`${id}-problem`}
          />
        </label>
        <p class="bad-text" id={`${id}-problem`} role="alert">
          {refusal}
        </p>
        <button type="submit" class="strong">
          Come in
        </button>
      </form>
    </>
  );
}
