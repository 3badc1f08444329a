/**
 * How a batch is cut. A block is eight samples, the lanes of most kernel calls. What is left over, if three samples or
 * fewer, passes one by one: that costs less than a block of empty lanes. The pieces (blocks and single samples) go into
 * at most sixteen *shards*, each a run of pieces: one a shard while there are no more. The cut depends on the number of
 * samples alone, never on the number of threads: that is why the bits do not either.
 */

export const blockSamples = 8;
const mostShards = 16;
const mostSingles = 3;
/** About what a block costs, in single samples. */
const blockCost = 4;

export interface Block {
  shard: number;
  /** First sample of the batch in this block, and how many there are. */
  first: number;
  count: number;
  lanes: 1 | 8;
}

export interface Cut {
  samples: number;
  shards: number;
  blocks: readonly Block[];
}

/** Parts of `count` things over `parts` takers, in order, sizes differing by at most one. */
export const share = (count: number, parts: number, part: number): { from: number; to: number } => ({
  from: Math.floor((count * part) / parts),
  to: Math.floor((count * (part + 1)) / parts),
});

function cut(samples: number, blocks: number, singles: number): Cut {
  const pieces = blocks + singles;
  const shards = Math.min(pieces, mostShards);
  const cutPieces = Array.from({ length: shards }, (_, shard) => {
    const { from, to } = share(pieces, shards, shard);
    return Array.from({ length: to - from }, (_piece, at): Block => {
      const piece = from + at;
      if (piece >= blocks) return { shard, first: samples - pieces + piece, count: 1, lanes: 1 };
      const first = piece * blockSamples;
      return { shard, first, count: Math.min(blockSamples, samples - first), lanes: 8 };
    });
  });
  return { samples, shards, blocks: cutPieces.flat() };
}

/** A batch that is trained on. */
export function cutBatch(samples: number): Cut {
  const rest = samples % blockSamples;
  const singles = rest <= mostSingles ? rest : 0;
  return cut(samples, Math.ceil((samples - singles) / blockSamples), singles);
}

/** Samples that are only passed forward: whole blocks, and one that may have empty lanes. */
export const cutForward = (samples: number): Cut => cut(samples, Math.ceil(samples / blockSamples), 0);

/**
 * What a thread takes at once: whole shards. In them *groups* of blocks that go through the layers side by side, so
 * that large weights are read once for all of them.
 */
export interface Task {
  shards: readonly number[];
  /** Blocks as indices of the cut, in order. */
  groups: readonly (readonly number[])[];
  /** Of its work. */
  cost: number;
}

/** Into which tasks and groups a cut goes: a shard a task, a block a group, unless more blocks go `together`. */
export function tasksOf({ shards, blocks }: Cut, { threads, together }: { threads: number; together: number }): Task[] {
  const costs = new Array<number>(shards).fill(0);
  for (const { shard, lanes } of blocks) costs[shard] += lanes === 1 ? 1 : blockCost;
  const total = costs.reduce((sum, cost) => sum + cost, 0);
  const parts = together === 1 ? shards : Math.min(shards, Math.max(threads, Math.ceil(blocks.length / together)));
  const runs = Array.from({ length: parts }, (): number[] => []);
  let before = 0;
  for (const [shard, cost] of costs.entries()) {
    runs[parts === shards ? shard : Math.floor(((before + cost / 2) * parts) / total)].push(shard);
    before += cost;
  }
  return runs
    .filter((run) => run.length > 0)
    .map((run) => {
      const own = [...blocks.keys()].filter((block) => run.includes(blocks[block].shard));
      const groups = Math.ceil(own.length / together);
      return {
        shards: run,
        groups: Array.from({ length: groups }, (_, group) => {
          const { from, to } = share(own.length, groups, group);
          return own.slice(from, to);
        }),
        cost: run.reduce((sum, shard) => sum + costs[shard], 0),
      };
    });
}

/**
 * Which thread works each task: those with blocks in runs, then each of single samples goes where there is least to do.
 */
export function threadsOf(tasks: readonly Task[], threads: number): number[] {
  const large = tasks.filter(({ cost }) => cost >= blockCost).length;
  const loads = new Array<number>(threads).fill(0);
  return tasks.map(({ cost }, task) => {
    const run = loads.findIndex((_, thread) => task < share(large, threads, thread).to);
    const thread = task < large ? run : loads.lastIndexOf(Math.min(...loads));
    loads[thread] += cost;
    return thread;
  });
}
