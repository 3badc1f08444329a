/**
 * How a batch is cut. A block is eight samples, the lanes of every kernel (one sample for batches of one); a batch of n samples is cut into
 * min(⌈n/8⌉, 16) shards, each a run of blocks. The cut depends on n alone, never on the number of threads: that is why the bits do not either.
 */

export const blockSamples = 8;
const mostShards = 16;

export interface Block {
  shard: number;
  /** First sample of the batch in this block, and how many there are. */
  first: number;
  count: number;
}

export interface Cut {
  samples: number;
  shards: number;
  blocks: readonly Block[];
}

export const blocksOf = (samples: number): number => Math.ceil(samples / blockSamples);
export const shardsOf = (samples: number): number => Math.min(blocksOf(samples), mostShards);

/** Parts of `count` things over `parts` takers, in order, sizes differing by at most one. */
export const share = (count: number, parts: number, part: number): { from: number; to: number } => ({
  from: Math.floor((count * part) / parts),
  to: Math.floor((count * (part + 1)) / parts),
});

export function cutBatch(samples: number): Cut {
  const count = blocksOf(samples);
  const shards = shardsOf(samples);
  const blocks: Block[] = [];
  for (let shard = 0; shard < shards; shard++) {
    const { from, to } = share(count, shards, shard);
    for (let block = from; block < to; block++) {
      const first = block * blockSamples;
      blocks.push({ shard, first, count: Math.min(blockSamples, samples - first) });
    }
  }
  return { samples, shards, blocks };
}

/** Which thread works a shard: runs of shards, in order. */
export function threadOf(shard: number, shards: number, threads: number): number {
  for (let thread = 0; thread < threads; thread++) if (shard < share(shards, threads, thread).to) return thread;
  return threads - 1;
}
