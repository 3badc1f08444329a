import { describe, expect, it } from "vitest";
import { Memories } from "./memories.ts";

const page = 65_536;

describe("Memories", () => {
  it("gives what was given back, zeroed, instead of a new one", () => {
    const memories = new Memories(10 * page);
    const first = memories.take(3 * page);
    if (!first) throw new Error("there is room");
    new Uint8Array(first.buffer).fill(7);
    memories.give(first);
    const second = memories.take(2 * page);
    expect(second).toBe(first);
    expect(new Uint8Array(first.buffer, 0, 2 * page).every((byte) => byte === 0)).toBe(true);
    expect(memories.bytes).toBe(3 * page);
  });
  it("grows one that is too small", () => {
    const memories = new Memories(10 * page);
    const small = memories.take(2 * page);
    if (!small) throw new Error("there is room");
    memories.give(small);
    expect(memories.take(9 * page)?.buffer.byteLength).toBe(9 * page);
    expect(memories.bytes).toBe(9 * page);
  });
  it("takes the smallest that is large enough", () => {
    const memories = new Memories(20 * page);
    const [large, small] = [memories.take(8 * page), memories.take(3 * page)];
    if (!large || !small) throw new Error("there is room");
    memories.give(large);
    memories.give(small);
    expect(memories.take(3 * page)).toBe(small);
    expect(memories.take(3 * page)).toBe(large);
  });
  it("never goes beyond its budget, whatever was asked in turn", () => {
    const memories = new Memories(10 * page);
    const held: WebAssembly.Memory[] = [];
    for (let turn = 0; turn < 200; turn++) {
      const memory = memories.take((1 + ((turn * 7) % 11)) * page);
      if (memory) held.push(memory);
      if (!memory || turn % 3 === 0) {
        const back = held.shift();
        if (back) memories.give(back);
      }
      expect(memories.bytes).toBeLessThanOrEqual(10 * page);
    }
  });
  it("says where it has no room", () => {
    const memories = new Memories(10 * page);
    expect(memories.take(11 * page)).toBeNull();
    expect(memories.take(6 * page)).not.toBeNull();
    expect(memories.take(5 * page)).toBeNull();
    expect(memories.bytes).toBe(6 * page);
  });
});
