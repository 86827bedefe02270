import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { createTestDatabase, execute, type TestDatabase } from '../testing/postgres.ts';
import { migrate, migrationsFolder } from './migrator.ts';

let server: TestDatabase;
let folder: string;
beforeAll(async () => {
  server = await createTestDatabase();
});
afterAll(() => server.close());
beforeEach(async () => {
  await execute(server.url, 'DROP SCHEMA public CASCADE');
  await execute(server.url, 'CREATE SCHEMA public');
  folder = await mkdtemp(join(tmpdir(), 'migrations-'));
  return () => rm(folder, { recursive: true });
});

const write = async (name: string, script: string) => {
  await mkdir(join(folder, name), { recursive: true });
  await writeFile(join(folder, name, 'migration.sql'), script);
};
const run = () => migrate({ databaseUrl: server.url, folder });

test('applies what is pending, in order, once, even when two start at the same time', async () => {
  await write('0001_a', 'CREATE TABLE a (x int); INSERT INTO a VALUES (1);');
  await write('0002_b', 'UPDATE a SET x = x + 1;');
  const applied = await Promise.all([run(), run()]);
  expect(applied.flat().sort()).toEqual(['0001_a', '0002_b']);
  expect((await execute(server.url, 'SELECT x FROM a')).rows).toEqual([{ x: 2 }]);
  await write('0003_c', 'UPDATE a SET x = x * 10;');
  expect(await run()).toEqual(['0003_c']);
  expect((await execute(server.url, 'SELECT x FROM a')).rows).toEqual([{ x: 20 }]);
});

test('a migration that fails changes nothing, is recorded, and blocks until it is declared rolled back', async () => {
  await write('0001_a', 'CREATE TABLE a (x int); SELECT 1/0;');
  await expect(run()).rejects.toThrow('division by zero');
  await expect(run()).rejects.toThrow(
    /0001_a failed earlier .* UPDATE _prisma_migrations SET rolled_back_at/,
  );
  const remedy = 'UPDATE _prisma_migrations SET rolled_back_at = now() WHERE finished_at IS NULL';
  await execute(server.url, remedy);
  await write('0001_a', 'CREATE TABLE a (x int);');
  expect(await run()).toEqual(['0001_a']);
});

test('refuses a migration that was edited and a database that is newer', async () => {
  await write('0001_a', 'CREATE TABLE a (x int);');
  await run();
  await write('0001_a', 'CREATE TABLE a (y int);');
  await expect(run()).rejects.toThrow('was changed after it was applied');
  await rm(join(folder, '0001_a'), { recursive: true });
  await expect(run()).rejects.toThrow('this version does not know');
});

test('the migrations lead to prisma/schema.prisma: every column, its type, its key and its nullability', async () => {
  expect(await migrate({ databaseUrl: server.url })).toContain('0001_initial');
  const { rows } = await execute(
    server.url,
    `SELECT table_name, column_name, data_type, is_nullable FROM information_schema.columns
     WHERE table_schema = 'public' AND table_name <> '_prisma_migrations'`,
  );
  const actual = rows.map(
    (row) => `${row.table_name}.${row.column_name} ${row.data_type} ${row.is_nullable}`,
  );
  const schema = await readFile(join(migrationsFolder, '..', 'schema.prisma'), 'utf8');
  const { columns, keys } = expectationsOf(schema);
  expect(actual.sort()).toEqual(columns.sort());
  const indexes = await execute(server.url, "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'");
  const definitions = indexes.rows.map((row) => row.indexdef.replaceAll('"', '')).join('\n');
  for (const key of keys) expect(definitions).toContain(key);
});

const sqlTypes: Record<string, string> = {
  String: 'text',
  Int: 'integer',
  BigInt: 'bigint',
  Float: 'double precision',
  Boolean: 'boolean',
  Json: 'jsonb',
  DateTime: 'timestamp with time zone',
};

/** What the models of a Prisma schema ask of a database, read with no more grammar than this schema uses. */
function expectationsOf(schema: string): { columns: string[]; keys: string[] } {
  const columns: string[] = [];
  const keys: string[] = [];
  for (const [, body = ''] of schema.matchAll(/^model \w+ \{\n([\s\S]*?)^\}/gm)) {
    const table = body.match(/@@map\("(\w+)"\)/)?.[1];
    const columnOf = new Map<string, string>();
    for (const [, field = '', type = '', optional, rest = ''] of body.matchAll(
      /^ {2}(\w+) +(\w+)(\?)?(.*)$/gm,
    )) {
      const sqlType = sqlTypes[type];
      if (!sqlType) continue;
      const column = rest.match(/@map\("(\w+)"\)/)?.[1] ?? field;
      columnOf.set(field, column);
      columns.push(`${table}.${column} ${sqlType} ${optional ? 'YES' : 'NO'}`);
      if (/ @unique/.test(rest))
        keys.push(`UNIQUE INDEX ${table}_${column}_key ON public.${table} USING btree (${column})`);
      if (/ @id/.test(rest))
        keys.push(`UNIQUE INDEX ${table}_pkey ON public.${table} USING btree (${column})`);
    }
    for (const [, kind, list = ''] of body.matchAll(/@@(id|index)\(\[(.*)\]\)/g)) {
      const parts = list.split(', ').map((part) => {
        const [, field = '', descending] = part.match(/^(\w+)(\(sort: Desc\))?$/) ?? [];
        return { column: columnOf.get(field), order: descending ? ' DESC' : '' };
      });
      const name =
        kind === 'id' ? `${table}_pkey` : `${table}_${parts.map((part) => part.column).join('_')}_idx`;
      const ordered = parts.map((part) => `${part.column}${part.order}`).join(', ');
      keys.push(`INDEX ${name} ON public.${table} USING btree (${ordered})`);
    }
  }
  return { columns, keys };
}
