/** Puts the status page's files where the compiled server reads them. */
import { cpSync, readdirSync } from 'node:fs';

const from = new URL('../src/page/', import.meta.url);
const to = new URL('../dist/page/', import.meta.url);
for (const file of readdirSync(from))
  if (!file.endsWith('.ts')) cpSync(new URL(file, from), new URL(file, to));
