import { describe, expect, it } from "vitest";
import { everyMs, Pressure } from "./pressure.ts";

const small = { heapUsed: 10, rss: 20 };

/** Looks after each of these times between two looks, in milliseconds; answers what was found each time. */
function looks(between: readonly number[], memory = small): boolean[] {
  const pressure = new Pressure({ lateMs: 300, heapBytes: 100, residentBytes: 200 });
  let now = 5000;
  pressure.look(now, memory);
  return between.map((passed) => {
    pressure.look((now += passed), memory);
    return pressure.isHigh;
  });
}

describe("Pressure", () => {
  it("is high where the event loop is late again and again, until it is in time", () => {
    const late = everyMs + 301;
    expect(looks([late, late, late, everyMs, late])).toEqual([false, true, true, false, false]);
  });
  it("is not high for what one moment of standstill, however long, or small delays have cost", () => {
    expect(looks([60_000, everyMs, everyMs + 300, everyMs + 300])).toEqual([false, false, false, false]);
  });
  it.each([
    [{ heapUsed: 101, rss: 20 }, true],
    [{ heapUsed: 10, rss: 201 }, true],
    [{ heapUsed: 100, rss: 200 }, false],
  ])("with memory of %j: %s", (memory, isHigh) => expect(looks([everyMs], memory)).toEqual([isHigh]));
  it("looks by itself while it is watched", async () => {
    const pressure = new Pressure({ lateMs: Infinity, heapBytes: 1, residentBytes: 1 });
    const end = pressure.watch();
    expect(pressure.isHigh).toBe(true);
    end();
  });
});
