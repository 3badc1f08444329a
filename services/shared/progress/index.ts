/** How trainings are watched. */
export { EventFeed } from "./feed.ts";
export { isEventId, lastEventId, readEvent, readEvents, readMetrics } from "./read.ts";
