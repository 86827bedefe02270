/**
 * The all-reduce: the vector is cut into worldSize segments, each rank sends the others their segments of its cover
 * nodes, sums its own segment over all nodes in tree order (reduce-scatter), and sends the result to everyone
 * (all-gather). Each rank moves about 2 (W - 1) / W vectors each way when its range is one node, at most log2(S) times
 * the first half when it is not.
 */

import type { Exchange } from './exchange.ts';
import type { ShardSums } from './shard-accumulator.ts';
import { balancedRange, type Range } from './shard-range.ts';
import { coverOf } from './shard-tree.ts';
import { type PartialSum, sumInTreeOrder } from './tree-sum.ts';

interface Sharing {
  readonly exchange: Exchange;
  readonly sums: ShardSums;
  readonly out: Float32Array;
}

/** Keeps the memory for the peers' partial sums from one step to the next. */
export class AllReduce {
  #received = new Float32Array(0);

  async run(sharing: Sharing): Promise<void> {
    const { exchange, sums, out } = sharing;
    checkComplete(sums, out);
    const ranges = await gatherRanges(exchange, sums);
    await Promise.all([sendPartialSums(sharing), this.#reduceOwnSegment(sharing, ranges)]);
    const own = bytesOf(segment(out, exchange, exchange.rank));
    await Promise.all(
      exchange.peers.flatMap((peer) => [
        exchange.send({ to: peer, phase: 'segments', content: own }),
        exchange.receive({ from: peer, phase: 'segments', into: bytesOf(segment(out, exchange, peer)) }),
      ]),
    );
  }

  async #reduceOwnSegment(sharing: Sharing, ranges: readonly Range[]): Promise<void> {
    const { exchange, sums, out } = sharing;
    const target = segment(out, exchange, exchange.rank);
    const covers = exchange.peers.map((peer) => coverOf(ranges[peer]!, sums.shards));
    const nodesToReceive = covers.reduce((count, cover) => count + cover.length, 0);
    const received = this.#memory(nodesToReceive * target.length);
    const parts: PartialSum[] = sums.nodes.map((node) => ({
      start: node.start,
      end: node.end,
      values: segment(node.sum, exchange, exchange.rank),
    }));
    const receives: Promise<unknown>[] = [];
    let offset = 0;
    for (const [position, cover] of covers.entries()) {
      for (const [index, node] of cover.entries()) {
        const values = received.subarray(offset, offset + target.length);
        offset += target.length;
        parts.push({ ...node, values });
        const from = exchange.peers[position]!;
        receives.push(exchange.receive({ from, phase: 'partialSums', index, into: bytesOf(values) }));
      }
    }
    await Promise.all(receives);
    sumInTreeOrder({ shards: sums.shards, parts, out: target });
  }

  #memory(floats: number): Float32Array {
    if (this.#received.length < floats) this.#received = new Float32Array(floats);
    return this.#received;
  }
}

function checkComplete(sums: ShardSums, out: Float32Array): void {
  if (out.length !== sums.length) {
    throw new Error(`the result has room for ${out.length} floats, the sums have ${sums.length}`);
  }
  const cover = coverOf(sums, sums.shards);
  const complete =
    cover.length === sums.nodes.length && cover.every((node, index) => sums.nodes[index]!.end === node.end);
  if (!complete) throw new Error(`not every shard of [${sums.start}, ${sums.end}) was added`);
}

/** Who has which shards, checked: together every shard exactly once, all of the same number and length. */
async function gatherRanges(exchange: Exchange, sums: ShardSums): Promise<Range[]> {
  const own = Uint32Array.of(sums.shards, sums.length, sums.start, sums.end);
  const gathered = await exchange.gather('ranges', bytesOf(own));
  const ranges = gathered.map((bytes, rank) => {
    const [shards, length, start, end] = new Uint32Array(bytes.slice().buffer);
    if (bytes.byteLength !== own.byteLength || shards !== sums.shards || length !== sums.length) {
      const actual = `${shards} shards of ${length} floats`;
      throw new Error(`rank ${rank} sums ${actual}, this rank ${sums.shards} of ${sums.length}`);
    }
    return { start: start!, end: end! };
  });
  let next = 0;
  for (const range of ranges.filter(({ start, end }) => end > start).sort((a, b) => a.start - b.start)) {
    if (range.start !== next)
      throw new Error(`shard ${Math.min(next, range.start)} is summed by no rank or by two`);
    next = range.end;
  }
  if (next !== sums.shards) throw new Error(`shard ${next} of ${sums.shards} is summed by no rank`);
  return ranges;
}

async function sendPartialSums({ exchange, sums }: Sharing): Promise<void> {
  await Promise.all(
    exchange.peers.map(async (to) => {
      for (const [index, node] of sums.nodes.entries()) {
        const content = bytesOf(segment(node.sum, exchange, to));
        await exchange.send({ to, phase: 'partialSums', index, content });
      }
    }),
  );
}

/** The part of a vector that a rank sums; a view. Some are empty when the vector is shorter than the world is large. */
function segment(vector: Float32Array, exchange: Exchange, rank: number): Float32Array {
  const { start, end } = balancedRange({ part: rank, parts: exchange.worldSize, count: vector.length });
  return vector.subarray(start, end);
}

function bytesOf(array: Float32Array | Uint32Array): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}
