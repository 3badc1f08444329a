/** How trainings are watched. */
export { EventFeed } from "./feed.ts";
export {
  allEvents,
  isEventId,
  jobSequence,
  lastEventId,
  metricPages,
  readEvents,
  readEventsBack,
  readInside,
  readMetrics,
  sweepSequence,
} from "./read.ts";
export type { Sequence } from "./read.ts";
