/** Numbers, times and names as people read them. */

const whole = new Intl.NumberFormat("en");

/** 0.25, 1,500, 4.8e28: short enough to stand beside an axis. */
export function mark(value: number): string {
  const size = Math.abs(value);
  if (size !== 0 && (size >= 1e6 || size < 1e-3)) return Number(value.toPrecision(2)).toExponential().replace("+", "");
  return Number.isInteger(value) ? whole.format(value) : String(Number(value.toPrecision(4)));
}

/** 61,706 */
export const count = (value: number): string => whole.format(value);

/** "1 job", "3 jobs". */
export const counted = (value: number, one: string, many = `${one}s`): string =>
  `${count(value)} ${value === 1 ? one : many}`;

/** Near the ends as many as tell the share from the end itself: of 100,000 one wrong is 99.999 %, not 100. */
function placesOf(share: number): number {
  if (share === 0 || share === 1) return 0;
  if (share > 0.0995 && share < 0.9895) return 1;
  for (let places = 2; places < 8; places++) {
    const said = Number((100 * share).toFixed(places));
    if (said !== 0 && said !== 100) return places;
  }
  return 8;
}

/** 98.7 %, with more places near the ends, where they matter. */
export function percent(share: number | null | undefined): string {
  if (share === null || share === undefined || !Number.isFinite(share)) return "–";
  return `${(100 * share).toFixed(placesOf(share))} %`;
}

/** 40 %, 97.5 %: beside an axis. */
export const percentMark = (share: number): string => `${Number((100 * share).toFixed(2))} %`;

/** A figure with so many meaningful digits: 0.0312, 1.25e-7. */
export function figure(value: number | null | undefined, digits = 3): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e6 || size < 1e-4) return value.toExponential(digits - 1);
  return Number.isInteger(value) ? count(value) : String(Number(value.toPrecision(digits)));
}

const steps = ["", "k", "M", "G", "T"];

/** 1.2 M, for figures whose size is what counts. */
export function short(value: number): string {
  let [left, at] = [value, 0];
  while (Math.abs(left) >= 1000 && at < steps.length - 1) [left, at] = [left / 1000, at + 1];
  return at === 0 ? count(Math.round(left)) : `${Number(left.toPrecision(3))} ${steps[at]}`;
}

export const bytes = (value: number): string => `${short(value)}B`.replace(/(\d)B$/, "$1 B");

/** 0.4 s, 12 s, 3 min 20 s, 2 h 5 min, 3 d 4 h. */
export function duration(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return "–";
  if (seconds < 10) return `${Number(seconds.toFixed(1))} s`;
  const all = Math.round(seconds);
  if (all < 60) return `${all} s`;
  const two = (large: number, small: number, names: readonly [string, string]): string =>
    small === 0 ? `${large} ${names[0]}` : `${large} ${names[0]} ${small} ${names[1]}`;
  if (all < 3600) return two(Math.floor(all / 60), all % 60, ["min", "s"]);
  if (all < 86_400) return two(Math.floor(all / 3600), Math.floor((all % 3600) / 60), ["h", "min"]);
  return two(Math.floor(all / 86_400), Math.floor((all % 86_400) / 3600), ["d", "h"]);
}

/** "3 min ago". */
export function ago(time: string, now: number): string {
  const seconds = Math.max(0, (now - Date.parse(time)) / 1000);
  if (seconds < 10) return "just now";
  if (seconds < 60) return `${Math.floor(seconds)} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ago`;
  const days = Math.floor(seconds / 86_400);
  return days < 30 ? `${days} d ago` : new Date(time).toISOString().slice(0, 10);
}

const moments = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "medium" });
/** In the reader's own zone. */
export const moment = (time: string): string => moments.format(new Date(time));

const clocks = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" });
/** 14:03:27, in the reader's own zone. */
export const clock = (time: string): string => clocks.format(new Date(time));

/** Channels × rows × columns. */
export const shapeOf = (shape: { channels: number; height: number; width: number }): string =>
  `${count(shape.channels)}×${shape.height}×${shape.width}`;

/** What a job is called where it has no name. */
export const nameOf = ({ name, id }: { name: string | null; id: string }): string => name ?? shortId(id);

/** The last letters tell ids apart. */
export const shortId = (id: string): string => `${id.slice(0, id.indexOf("_") + 1)}…${id.slice(-6)}`;
