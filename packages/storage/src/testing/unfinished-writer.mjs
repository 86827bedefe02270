/** A process that is in the middle of a put until it is killed: `node unfinished-writer.mjs FOLDER`. Runs the built package. */
import { setTimeout } from 'node:timers/promises';
import { folderStore } from '@triptych/storage';

async function* neverDone() {
  for (let written = 0; written < 4; written += 1) yield new Uint8Array(256 * 1024).fill(written);
  process.stdout.write('in the middle\n');
  await setTimeout(60_000);
}

await folderStore(process.argv[2]).put(neverDone());
