/** A day passes: what the record and the artifact folder know of times is moved back, and the control plane is started again. */
import { readdir, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { TriptychClient } from '@triptych/client';
import type { Stack } from '../../local/index.ts';
import { withDatabase } from './vitals.ts';

const WAIT_MS = 120_000;

/** Resolves when the runs of the past are gone, and what nobody refers to with them. @returns seconds */
export async function letTimePass({
  stack,
  client,
}: {
  stack: Stack;
  client: TriptychClient;
}): Promise<number> {
  const began = performance.now();
  for await (const model of client.models.list())
    if (model.kind === 'trained') await client.models.delete(model.id);
  await withDatabase(stack.databaseUrl, async (query) => {
    await query(
      `UPDATE runs SET finished_at = finished_at - interval '8 days', created_at = created_at - interval '8 days'`,
    );
    await query(`UPDATE workers SET lease_expires_at = lease_expires_at - interval '8 days'`);
  });
  const then = new Date(Date.now() - 8 * 86_400_000);
  for (const entry of await readdir(stack.artifactsPath, { recursive: true, withFileTypes: true }))
    if (entry.isFile()) await utimes(join(entry.parentPath ?? entry.path, entry.name), then, then);
  await stack.restartControlPlane('SIGTERM');
  const runsLeft = async () => {
    const [row] = await withDatabase(stack.databaseUrl, (query) =>
      query<{ count: number }>('SELECT count(*)::int AS count FROM runs'),
    );
    return row?.count ?? 0;
  };
  while ((await runsLeft()) > 0 && performance.now() - began < WAIT_MS) await delay(500);
  await client.collectArtifacts();
  return (performance.now() - began) / 1000;
}
