/** Events as they come, a handful at a time: nobody sees a page that is drawn a hundred times a second. */

const gatherMs = 300;

/** Tells `hear` of what came, until the events end or `abort` says so; the last ones at once. */
export async function gather<Event>(
  events: AsyncIterable<Event>,
  hear: (came: readonly Event[]) => void,
  abort: AbortSignal,
): Promise<void> {
  let gathered: Event[] = [];
  const tell = (): void => {
    const came = gathered;
    gathered = [];
    if (came.length > 0 && !abort.aborted) hear(came);
  };
  for await (const event of events) if (gathered.push(event) === 1) setTimeout(tell, gatherMs);
  tell();
}
