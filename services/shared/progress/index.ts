/** How trainings are watched. */
export { EventFeed } from "./feed.ts";
export { isEventId, lastEventId, readEvents, readEventsBack, readInside, readMetrics } from "./read.ts";
