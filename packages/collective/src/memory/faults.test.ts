import { describe, expect, it } from 'vitest';
import { withResolvers } from '../group-aborted.ts';
import { Faults } from './faults.ts';
import { memoryGroups } from './memory-transport.ts';

describe('faults', () => {
  it('fails a rank at the operation that was named, on every rank, and not before', async () => {
    const groups = memoryGroups(3, { faults: new Faults().failAt(2, 2) });
    await Promise.all(groups.map((group) => group.barrier()));
    const settled = await Promise.allSettled(groups.map((group) => group.allGather(Uint8Array.of(1))));
    for (const [rank, each] of settled.entries()) {
      const where = `all-gather \\(operation 2\\) on rank ${rank} of 3`;
      expect(each).toMatchObject({
        status: 'rejected',
        reason: {
          code: 'COLLECTIVE_ABORTED',
          message: expect.stringMatching(new RegExp(`${where}: rank 2 broke the group: injected fault`)),
        },
      });
    }
  });

  it('holds a rank up until the test lets it go', async () => {
    const held = withResolvers<void>();
    const faults = new Faults().delayAt({ rank: 0, operation: 1, until: held.promise });
    const groups = memoryGroups(2, { faults });
    let done = false;
    const barriers = Promise.all(groups.map((group) => group.barrier())).then(() => {
      done = true;
    });
    // Rank 1's own frame arrives meanwhile; it is rank 0's that is missing.
    await new Promise(setImmediate);
    expect(done).toBe(false);
    held.resolve();
    await barriers;
    expect(done).toBe(true);
  });

  it('lets go of a rank that is held up when the group is aborted', async () => {
    const faults = new Faults().delayAt({ rank: 0, operation: 1, until: new Promise(() => {}) });
    const groups = memoryGroups(2, { faults });
    const barriers = Promise.allSettled(groups.map((group) => group.barrier()));
    groups[1]!.abort(new Error('enough'));
    expect((await barriers).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  });
});
