/**
 * The all-reduce: the vector is cut into worldSize segments, each rank sends the others their segments of its cover
 * nodes, sums its own segment over all nodes in tree order (reduce-scatter), and sends the result to everyone
 * (all-gather). Each rank moves about 2 (W - 1) / W vectors each way when its range is one node, at most log2(S) times
 * the first half when it is not.
 */
import type { Exchange } from './exchange.ts';
import { withResolvers } from './group-aborted.ts';
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
    const reduced = withResolvers<void>();
    const contributions = exchange.peers.map((peer) =>
      contribute(sharing, { peer, reduced: reduced.promise }),
    );
    await Promise.all([this.#collect(sharing, reduced.resolve), ...contributions]);
  }

  /** Everything that comes in: the ranges, the partial sums of the own segment, the others' finished segments. */
  async #collect(sharing: Sharing, onReduced: () => void): Promise<void> {
    const { exchange, sums, out } = sharing;
    const ranges = await receiveRanges(exchange, sums);
    const target = segment(out, exchange, exchange.rank);
    const covers = exchange.peers.map((peer) => coverOf(ranges[peer]!, sums.shards));
    const nodesToReceive = covers.reduce((count, cover) => count + cover.length, 0);
    const received = this.#memory(nodesToReceive * target.length);
    const parts: PartialSum[] = sums.nodes.map((node) => ({
      start: node.start,
      end: node.end,
      values: segment(node.sum, exchange, exchange.rank),
    }));
    const partialSums: Promise<unknown>[] = [];
    let offset = 0;
    for (const [position, cover] of covers.entries()) {
      for (const [index, node] of cover.entries()) {
        const values = received.subarray(offset, offset + target.length);
        offset += target.length;
        parts.push({ ...node, values });
        const from = exchange.peers[position]!;
        partialSums.push(exchange.receive({ from, phase: 'partialSums', index, into: bytesOf(values) }));
      }
    }
    // A peer that is done sooner sends its segment while this rank still waits for partial sums.
    const segments = exchange.peers.map((from) =>
      exchange.receive({ from, phase: 'segments', into: bytesOf(segment(out, exchange, from)) }),
    );
    const reduce = async () => {
      await Promise.all(partialSums);
      sumInTreeOrder({ shards: sums.shards, parts, out: target });
      onReduced();
    };
    await Promise.all([reduce(), ...segments]);
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

/** Everything that goes to one peer, in the order in which it expects it; nothing waits for an answer but the last. */
async function contribute(
  { exchange, sums, out }: Sharing,
  { peer: to, reduced }: { peer: number; reduced: Promise<void> },
): Promise<void> {
  await exchange.send({ to, phase: 'ranges', content: describeShare(sums) });
  for (const [index, node] of sums.nodes.entries()) {
    await exchange.send({
      to,
      phase: 'partialSums',
      index,
      content: bytesOf(segment(node.sum, exchange, to)),
    });
  }
  await reduced;
  await exchange.send({ to, phase: 'segments', content: bytesOf(segment(out, exchange, exchange.rank)) });
}

function describeShare({ shards, length, start, end }: ShardSums): Uint8Array {
  return bytesOf(Uint32Array.of(shards, length, start, end));
}

/** Who has which shards, checked: together every shard exactly once, all of the same number and length. */
async function receiveRanges(exchange: Exchange, sums: ShardSums): Promise<Range[]> {
  const ranges: Range[] = [];
  ranges[exchange.rank] = sums;
  await Promise.all(
    exchange.peers.map(async (from) => {
      const bytes = await exchange.receive({ from, phase: 'ranges' });
      const [shards, length, start, end] = new Uint32Array(bytes.slice().buffer);
      if (shards !== sums.shards || length !== sums.length) {
        const actual = `${shards} shards of ${length} floats`;
        throw new Error(`rank ${from} sums ${actual}, this rank ${sums.shards} of ${sums.length}`);
      }
      ranges[from] = { start: start!, end: end! };
    }),
  );
  let next = 0;
  for (const range of ranges.filter(({ start, end }) => end > start).sort((a, b) => a.start - b.start)) {
    if (range.start !== next)
      throw new Error(`shard ${Math.min(next, range.start)} is summed by no rank or by two`);
    next = range.end;
  }
  if (next !== sums.shards) throw new Error(`shard ${next} of ${sums.shards} is summed by no rank`);
  return ranges;
}

/** The part of a vector that a rank sums; a view. Some are empty when the vector is shorter than the world is large. */
function segment(vector: Float32Array, exchange: Exchange, rank: number): Float32Array {
  const { start, end } = balancedRange({ part: rank, parts: exchange.worldSize, count: vector.length });
  return vector.subarray(start, end);
}

function bytesOf(array: Float32Array | Uint32Array): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}
