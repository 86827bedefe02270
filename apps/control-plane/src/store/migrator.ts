/**
 * Applies prisma/migrations/ without the Prisma CLI, which would download an engine. It keeps Prisma's own
 * `_prisma_migrations` table (same DDL, same checksums, same advisory lock), so that `prisma migrate deploy` and this
 * are interchangeable. It only goes forward; undoing a migration is a new migration.
 */
import { createHash, randomUUID } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { TriptychError } from '@triptych/protocol';
import type pg from 'pg';
import { withClient } from './postgres.ts';

/** Also taken by `prisma migrate deploy`: whoever comes second waits, then finds nothing to do. */
const PRISMA_LOCK = 72_707_369;

/** The migrations of this source tree; the same depth from src/ and from dist/. */
export const migrationsFolder = fileURLToPath(new URL('../../../../prisma/migrations/', import.meta.url));

/** Brings the database to the newest migration and answers with the names of those that were applied. */
export async function migrate(options: { databaseUrl: string; folder?: string }): Promise<string[]> {
  const migrations = await readMigrations(options.folder ?? migrationsFolder);
  // The end of the session gives the lock back.
  return withClient(options.databaseUrl, async (client) => {
    await client.query('SELECT pg_advisory_lock($1)', [PRISMA_LOCK]);
    await client.query(historyTable);
    const pending = pendingOf(migrations, await readHistory(client));
    for (const migration of pending) await apply(client, migration);
    return pending.map((migration) => migration.name);
  });
}

interface Migration {
  readonly name: string;
  readonly script: string;
  readonly checksum: string;
}

interface Applied {
  readonly migration_name: string;
  readonly checksum: string;
  readonly finished_at: Date | null;
}

async function readMigrations(folder: string): Promise<Migration[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  return Promise.all(
    names.sort().map(async (name) => {
      const script = await readFile(join(folder, name, 'migration.sql'), 'utf8');
      return { name, script, checksum: createHash('sha256').update(script).digest('hex') };
    }),
  );
}

async function readHistory(client: pg.Client): Promise<Applied[]> {
  const { rows } = await client.query<Applied>(
    'SELECT migration_name, checksum, finished_at FROM _prisma_migrations WHERE rolled_back_at IS NULL',
  );
  return rows;
}

/** The migrations that the history lacks, or the reason why nothing may be applied on top of it. */
function pendingOf(migrations: readonly Migration[], history: readonly Applied[]): Migration[] {
  const known = new Map(migrations.map((migration) => [migration.name, migration]));
  for (const applied of history) {
    const name = applied.migration_name;
    if (applied.finished_at === null)
      throw refusal(
        `Migration ${name} failed earlier (see logs in _prisma_migrations)`,
        `repair the cause, then: UPDATE _prisma_migrations SET rolled_back_at = now() WHERE migration_name = '${name}' AND finished_at IS NULL (or: prisma migrate resolve --rolled-back ${name})`,
      );
    const migration = known.get(name);
    if (!migration)
      throw refusal(
        `The database has migration ${name}, which this version does not know`,
        'use the version of Triptych that wrote it, or a newer one',
      );
    if (migration.checksum !== applied.checksum)
      throw refusal(
        `Migration ${name} was changed after it was applied (applied ${applied.checksum.slice(0, 12)}, now ${migration.checksum.slice(0, 12)})`,
        'restore the file and put the change into a new migration',
      );
  }
  const done = new Set(history.map((applied) => applied.migration_name));
  return migrations.filter((migration) => !done.has(migration.name));
}

const refusal = (problem: string, remedy: string) =>
  new TriptychError('ILLEGAL_STATE', `${problem}; ${remedy}`);

/** A script is one implicit transaction; the history is written outside it, so that a failure leaves a trace. */
async function apply(client: pg.Client, migration: Migration): Promise<void> {
  const id = randomUUID();
  await client.query('INSERT INTO _prisma_migrations (id, checksum, migration_name) VALUES ($1, $2, $3)', [
    id,
    migration.checksum,
    migration.name,
  ]);
  try {
    await client.query(migration.script);
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    await client.query('UPDATE _prisma_migrations SET logs = $2 WHERE id = $1', [id, message]);
    throw new TriptychError('INTERNAL', `Migration ${migration.name} failed: ${message}`, { cause });
  }
  await client.query(
    'UPDATE _prisma_migrations SET finished_at = now(), applied_steps_count = 1 WHERE id = $1',
    [id],
  );
}

const historyTable = `
CREATE TABLE IF NOT EXISTS _prisma_migrations (
    id                      VARCHAR(36) PRIMARY KEY NOT NULL,
    checksum                VARCHAR(64) NOT NULL,
    finished_at             TIMESTAMPTZ,
    migration_name          VARCHAR(255) NOT NULL,
    logs                    TEXT,
    rolled_back_at          TIMESTAMPTZ,
    started_at              TIMESTAMPTZ NOT NULL DEFAULT now(),
    applied_steps_count     INTEGER NOT NULL DEFAULT 0
)`;
