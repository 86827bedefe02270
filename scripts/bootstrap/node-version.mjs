/** Says in one sentence what is wrong with an old Node, before newer syntax says it in a stack trace. */
import { readFileSync } from 'node:fs';

export function assertNodeVersion() {
  const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  const required = /\d+\.\d+/.exec(manifest.engines.node)[0];
  const [major, minor] = process.versions.node.split('.').map(Number);
  const [requiredMajor, requiredMinor] = required.split('.').map(Number);
  if (major > requiredMajor || (major === requiredMajor && minor >= requiredMinor)) return;
  console.error(
    `Triptych needs Node ${required} or newer, this is ${process.version}. Install Node 22 or 24 from https://nodejs.org or with your version manager.`,
  );
  process.exit(1);
}
