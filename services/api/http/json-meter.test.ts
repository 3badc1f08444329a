import { describe, expect, it } from "vitest";
import { JsonMeter, type JsonLimits } from "./json-meter.ts";

/** Feeds a text in chunks of so many bytes; answers what was refused, or null. */
function fed(text: string, chunk: number, limits: JsonLimits): string | null {
  const meter = new JsonMeter(limits);
  const bytes = Buffer.from(text);
  try {
    for (let from = 0; from < bytes.length; from += chunk) meter.add(bytes.subarray(from, from + chunk));
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}

describe("counts what a body is made of, wherever it is cut", () => {
  const tricky = String.raw`{"a\\":"[[[[,,,,\"[{","b":[1,2,{"c\"[":"\\\\"}],"d":"ü,["}`;
  it.each([1, 2, 3, 5, 7, 1000])("in chunks of %s bytes", (chunk) => {
    expect(fed(tricky, chunk, { containers: 3, names: 4, values: 4 })).toBeNull();
    expect(fed(tricky, chunk, { containers: 2, names: 4, values: 4 })).toMatch(/more than 2 lists and objects/);
    expect(fed(tricky, chunk, { containers: 3, names: 4, values: 3 })).toMatch(/more than 3 values/);
    expect(fed(tricky, chunk, { containers: 3, names: 3, values: 4 })).toMatch(/more than 3 fields/);
  });
});
