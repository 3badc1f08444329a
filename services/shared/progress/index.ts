/** How trainings are watched. */
export { EventFeed } from "./feed.ts";
export { isEventId, lastEventId, readEvent, readEvents, readEventsBack, readMetrics } from "./read.ts";
