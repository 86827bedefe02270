import { env } from 'node:process';
import { defineConfig } from 'prisma/config';

const url = env['DATABASE_URL'];

// `prisma generate` needs no database; `prisma migrate deploy` does.
export default defineConfig({
  schema: 'prisma/schema.prisma',
  migrations: { path: 'prisma/migrations' },
  ...(url ? { datasource: { url } } : {}),
});
