/**
 * The order of an epoch: which training sample stands at each of its places. A function of (seed, epoch) and the labels
 * alone, so a resumed training has the same order again and keeps none.
 *
 * - natural: every sample once.
 * - balanced: as many places, dealt out to the classes in turn. A class fills its places from permutations of its own
 *   members, one after the other where it has fewer members than places, so none is drawn twice before all were drawn.
 *
 * With `shuffle` the places are then permuted; without it samples stand as they came, or class by class in turn.
 */
import { membersOf } from "./held-out.ts";
import { hash, permutation, purposes } from "./random.ts";
import type { TrainingSpec } from "./training.ts";

export interface EpochOptions {
  spec: Pick<TrainingSpec, "seed" | "shuffle" | "sampling" | "classes">;
  epoch: number;
  /** Of the training split. */
  labels: Int32Array;
  /** As long as `labels`. */
  into: Uint32Array;
}

export function orderEpoch({ spec, epoch, labels, into }: EpochOptions): void {
  const { seed, shuffle, sampling, classes } = spec;
  const count = labels.length;
  if (sampling === "natural") {
    if (shuffle) permutation({ seed, epoch, count, into });
    else for (let place = 0; place < count; place++) into[place] = place;
    return;
  }
  const drawn = drawInTurn({ seed, epoch, labels, classes });
  if (!shuffle) return into.set(drawn);
  permutation({ seed, epoch, count, into });
  for (let place = 0; place < count; place++) into[place] = drawn[into[place]];
}

/** Place after place the next sample of the next class; another class begins in each epoch. */
function drawInTurn(options: { seed: number; epoch: number; labels: Int32Array; classes: number }): Uint32Array {
  const { seed, epoch, labels, classes } = options;
  const drawn = new Uint32Array(labels.length);
  const present = [...membersOf(labels, classes).entries()].filter(([, members]) => members.length > 0);
  for (const [turn, [label, members]] of present.entries()) {
    const first = (((turn - epoch) % present.length) + present.length) % present.length;
    const own = hash(seed, purposes.balance, label);
    let order = members;
    for (let place = first, draw = 0; place < drawn.length; place += present.length, draw++) {
      const at = draw % members.length;
      if (at === 0) {
        const pass = hash(epoch, draw / members.length);
        order = permutation({ seed: own, epoch: pass, count: members.length, purpose: "balance" });
      }
      drawn[place] = members[order[at]];
    }
  }
  return drawn;
}
