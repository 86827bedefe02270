/** One generation's membership takes the place of the one before it, as part of one write to its run. */
import { TriptychError } from '@triptych/protocol';
import { isDangling, isDuplicate } from './database.ts';
import type { Membership } from './run-store.ts';
import type { RunWrite } from './run-write.ts';

export async function writeMembership(write: RunWrite, membership: Membership): Promise<void> {
  write.assertAlive('a generation');
  const { attempt, generation, assignments, backend, numerics } = membership;
  const { transaction } = write;
  const runId = write.run.id;
  const worldSize = assignments.length;
  await transaction.assignment.updateMany({
    where: { runId, heldWorkerId: { not: null } },
    data: { heldWorkerId: null, releasedAt: new Date() },
  });
  await transaction.attempt.updateMany({
    where: { runId, number: { lt: attempt }, finishedAt: null },
    data: { finishedAt: new Date() },
  });
  await transaction.attempt.upsert({
    where: { runId_number: { runId, number: attempt } },
    create: { runId, number: attempt, generation, worldSize },
    update: { generation, worldSize, finishedAt: null },
  });
  // The same write again, where its first answer was lost.
  await transaction.assignment.deleteMany({ where: { runId, attempt, generation } });
  await transaction.assignment.createMany({
    data: assignments.map((rank) => ({ runId, attempt, generation, ...rank, heldWorkerId: rank.workerId })),
  });
  await write.update({
    ...{ attempt, generation, worldSize, workerSequence: 0n },
    ...(backend && { backend }),
    ...(numerics && { numerics }),
  });
}

/** The database's constraints say that a worker serves one run and is registered; this says it in words. */
export function membershipError(cause: unknown, runId: string, { assignments }: Membership): unknown {
  const problem = isDuplicate(cause) ? 'is held by another run' : isDangling(cause) && 'is not registered';
  if (!problem) return cause;
  const names = assignments.map(({ workerId }) => workerId).join(', ');
  return new TriptychError(
    'ILLEGAL_STATE',
    `One of the workers ${names} ${problem}; place run ${runId} again`,
    {
      cause,
    },
  );
}
