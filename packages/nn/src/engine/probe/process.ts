/** A process that tries one backend and reports: if the native code crashes, only this process is lost. */
import { TriptychError } from '@triptych/protocol';
import { selectBackend } from '../select-backend.ts';
import { matrixSpeed } from './matrix-speed.ts';
import type { ProbeReport, ProbeRequest } from './messages.ts';

const report = await probe(JSON.parse(process.argv[2]!) as ProbeRequest);
// Dawn keeps the process alive: it has to be ended.
if (process.send) process.send(report, () => process.exit(0));

async function probe({ choice, seconds }: ProbeRequest): Promise<ProbeReport> {
  try {
    const description = await selectBackend(choice);
    const gflops = await matrixSpeed(seconds);
    return { kind: 'works', description, ...(gflops !== undefined && { gflops }) };
  } catch (error) {
    if (!(error instanceof TriptychError)) throw error;
    return { kind: 'unavailable', code: error.code, message: error.message };
  }
}
