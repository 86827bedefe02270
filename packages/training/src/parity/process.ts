/** A process that compares golden cases with our implementation on one backend, and reports each. */
import { selectBackend } from '@triptych/nn';
import { TriptychError } from '@triptych/protocol';
import { compareCase } from './compare-case.ts';
import { findCases } from './find-cases.ts';
import type { ParityMessage, ParityRequest } from './launch/messages.ts';

await compareAll(JSON.parse(process.argv[2]!) as ParityRequest);
// Dawn keeps the process alive: it has to be ended.
process.exit(0);

async function compareAll({ folder, backend, vocabulary }: ParityRequest): Promise<void> {
  try {
    const cases = findCases(folder);
    const { device } = await selectBackend({ backend });
    await send({ type: 'engine', backend, device });
    for (const golden of cases)
      await send({ type: 'case', report: await compareCase(golden, { vocabulary }) });
  } catch (error) {
    if (!(error instanceof TriptychError)) throw error;
    await send({ type: 'refused', code: error.code, message: error.message });
  }
}

function send(message: ParityMessage): Promise<void> {
  return new Promise((resolve) => {
    // Started without a channel, by hand: lines of JSON.
    if (process.send) process.send(message, () => resolve());
    else process.stdout.write(`${JSON.stringify(message)}\n`, () => resolve());
  });
}
