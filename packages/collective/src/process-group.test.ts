import { afterEach, describe, expect, it } from 'vitest';
import { treeSum } from './naive.ts';
import type { ProcessGroup } from './process-group.ts';
import { ShardAccumulator, sharedVector } from './shard-accumulator.ts';
import { shardRange } from './shard-range.ts';
import { awkwardVectors, bitsOf } from './testing/awkward-numbers.ts';
import { type World, worlds } from './testing/worlds.ts';

/** What every way of joining ranks must do. */
describe.each(Object.entries(worlds))('process group: %s', (_, makeWorld) => {
  const open: World[] = [];
  const join = async (worldSize: number): Promise<World> => {
    const world = await makeWorld(worldSize);
    open.push(world);
    return world;
  };
  afterEach(() => {
    for (const world of open.splice(0)) world.dispose();
  });

  it.each([1, 2, 3, 5])(
    'sums 7 shards on %i ranks to the bits of the tree sum, twice in a row',
    async (worldSize) => {
      const { groups } = await join(worldSize);
      for (const length of [10_007, 10_007, 3, 0]) {
        const gradients = awkwardVectors({ seed: length + worldSize, count: 7, length });
        const expected = bitsOf(treeSum(gradients));
        const sums = await Promise.all(groups.map((group) => allReduce(group, gradients)));
        for (const sum of sums) expect(bitsOf(sum)).toEqual(expected);
      }
    },
  );

  it('moves 2 (W - 1) / W vectors each way for each rank when every range is one node', async () => {
    const { groups } = await join(4);
    const gradients = awkwardVectors({ seed: 5, count: 8, length: 4000 });
    await Promise.all(groups.map((group) => allReduce(group, gradients)));
    const rangeBytes = 3 * 16;
    for (const { traffic } of groups) {
      expect({ ...traffic }).toEqual({
        bytesSent: 2 * 0.75 * 16_000 + rangeBytes,
        bytesReceived: 2 * 0.75 * 16_000 + rangeBytes,
      });
    }
  });

  it('gathers bytes of different lengths, views and none among them', async () => {
    const { groups } = await join(3);
    const whole = Uint8Array.from({ length: 3_000_000 }, (_, index) => index * 7);
    const sent = [whole.subarray(5, 10), new Uint8Array(0), whole];
    const gathered = await Promise.all(groups.map((group) => group.allGather(sent[group.rank]!)));
    for (const everyone of gathered) {
      expect(everyone.map((bytes) => Buffer.compare(bytes, sent[everyone.indexOf(bytes)]!))).toEqual([
        0, 0, 0,
      ]);
    }
  });

  it('broadcasts from any root', async () => {
    const { groups } = await join(3);
    for (const root of [2, 0]) {
      const bytes = Uint8Array.of(root, 1, 2);
      const received = await Promise.all(
        groups.map((group) => group.broadcast(group.rank === root ? bytes : undefined, root)),
      );
      for (const each of received) expect([...each]).toEqual([root, 1, 2]);
    }
  });

  it('holds everyone at a barrier until the last rank is there', async () => {
    const { groups } = await join(3);
    const passed: number[] = [];
    const waiting = groups.slice(0, 2).map((group) => group.barrier().then(() => passed.push(group.rank)));
    await groups[0]!.traffic;
    expect(passed).toEqual([]);
    await groups[2]!.barrier();
    await Promise.all(waiting);
    expect(passed.toSorted()).toEqual([0, 1]);
  });

  it('runs operations in the order of the calls, without waiting in between', async () => {
    const { groups } = await join(2);
    const results = await Promise.all(
      groups.map((group) =>
        Promise.all([
          group.allGather(Uint8Array.of(group.rank)),
          group.broadcast(Uint8Array.of(9), 0),
          group.barrier(),
          group.allGather(Uint8Array.of(10 + group.rank)),
        ]),
      ),
    );
    for (const [first, second, , last] of results) {
      expect(first.map((bytes) => bytes[0])).toEqual([0, 1]);
      expect(second[0]).toBe(9);
      expect(last.map((bytes) => bytes[0])).toEqual([10, 11]);
    }
  });

  it('rejects pending and later operations on every rank when one aborts, and names it', async () => {
    const { groups } = await join(3);
    const pending = [groups[0]!, groups[2]!].map((group) => group.barrier());
    groups[1]!.abort(new Error('out of coffee'));
    const later = groups.map((group) => group.allGather(new Uint8Array(1)));
    for (const settled of await Promise.allSettled([...pending, ...later])) {
      expect(settled).toMatchObject({
        status: 'rejected',
        reason: {
          code: 'COLLECTIVE_ABORTED',
          message: expect.stringMatching(/rank 1 broke the group.*out of coffee/),
        },
      });
    }
  });

  it('stops a rank that waits for one that has closed', async () => {
    const { groups } = await join(2);
    await Promise.all(groups.map((group) => group.barrier()));
    const closing = groups[1]!.close();
    await expect(groups[0]!.barrier()).rejects.toMatchObject({
      code: 'COLLECTIVE_ABORTED',
      message: expect.stringMatching(/rank 1 has closed its group/),
    });
    await closing;
  });

  it('delivers what was sent before a close, and closes once', async () => {
    const { groups } = await join(3);
    const last = groups.map(async (group) => {
      const bytes = await group.broadcast(new Uint8Array(2_000_000).fill(3), 0);
      await Promise.all([group.close(), group.close()]);
      return bytes;
    });
    for (const bytes of await Promise.all(last)) expect(bytes.every((byte) => byte === 3)).toBe(true);
    await expect(groups[0]!.barrier()).rejects.toMatchObject({ code: 'COLLECTIVE_ABORTED' });
  });

  it('tells ranks that call different operations, instead of hanging', async () => {
    const { groups } = await join(2);
    const settled = await Promise.allSettled([groups[0]!.barrier(), groups[1]!.allGather(new Uint8Array(0))]);
    for (const each of settled) {
      expect(each).toMatchObject({ status: 'rejected', reason: { code: 'COLLECTIVE_ABORTED' } });
      expect((each as PromiseRejectedResult).reason.message).toMatch(
        /sent operation 1, .* where operation 1, .* was/,
      );
    }
  });
});

async function allReduce(group: ProcessGroup, gradients: readonly Float32Array[]): Promise<Float32Array> {
  const range = shardRange(group.rank, group.worldSize, gradients.length);
  const length = gradients[0]!.length;
  const sums = new ShardAccumulator({ shards: gradients.length, ...range, length });
  for (let shard = range.start; shard < range.end; shard++) sums.add(shard, gradients[shard]!);
  const out = sharedVector(length).fill(Number.NaN);
  await group.allReduceShards(sums, out);
  return out;
}
