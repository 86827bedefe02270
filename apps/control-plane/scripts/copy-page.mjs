/** Puts the status page's files where the compiled server reads them. */
import { cpSync } from 'node:fs';

for (const file of ['status.html', 'status.css', 'status.js'])
  cpSync(new URL(`../src/page/${file}`, import.meta.url), new URL(`../dist/page/${file}`, import.meta.url));
