/** How trainings are watched. */
export { EventFeed } from "./feed.ts";
export { isEventId, lastEventId, readEvents, readEventsBack, readMetrics } from "./read.ts";
