/** A run is let go of by the numerics that it began with, as part of one write, and its story says so. */
import { type Numerics, type RunStatus, TriptychError } from '@triptych/protocol';
import { Prisma } from './generated/client.ts';
import type { RunWrite } from './run-write.ts';

const waiting: readonly RunStatus[] = ['QUEUED', 'BACKOFF', 'RECOVERING'];

/** `ILLEGAL_STATE` where the run has workers or is over, and where it is bound to no numerics. */
export async function writeOtherNumerics(write: RunWrite, actor?: string): Promise<void> {
  const { id, numerics } = write.run;
  if (!waiting.includes(write.status))
    throw new TriptychError(
      'ILLEGAL_STATE',
      `Run ${id} is ${write.status}; only a run that waits for workers can be let go on with other numerics`,
    );
  if (numerics === null)
    throw new TriptychError(
      'ILLEGAL_STATE',
      `Run ${id} may go on with any numerics already; nothing is to be done`,
    );
  const { digest } = numerics as Numerics;
  await write.tell({
    type: 'log',
    actor,
    message:
      `Goes on with other numerics than ${digest}, which it began with, by an operator's wish: ` +
      'its weights are not those of a run that was not disturbed',
    detail: { code: 'OTHER_NUMERICS', numerics },
    fields: { numerics: Prisma.DbNull, backend: null },
  });
}
