/** Where queued runs stand: the order in which the queue gives them out, most urgent first, then oldest first. */
import type { Transaction } from './database.ts';

/** Positions from 1 of those of `runIds` that are queued. */
export async function queuePositions(
  client: Transaction,
  runIds: readonly string[],
): Promise<Map<string, number>> {
  if (runIds.length === 0) return new Map();
  const rows = await client.$queryRaw<{ id: string; position: number }[]>`
    SELECT id, position FROM (
      SELECT id, (row_number() OVER (ORDER BY priority, created_at, id))::int AS position
      FROM runs WHERE status = 'QUEUED'
    ) AS queue WHERE id = ANY(${runIds})`;
  return new Map(rows.map(({ id, position }) => [id, position]));
}

/** The position that a run of this priority would get if it were submitted now. */
export async function positionOfNext(client: Transaction, priority: number): Promise<number> {
  return 1 + (await client.run.count({ where: { status: 'QUEUED', priority: { lte: priority } } }));
}
