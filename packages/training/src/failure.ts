/** What a run's failure is called: the abort reason where it was stopped, a coded error where the cause is known. */
import { memoryRemedy, TriptychError } from '@triptych/protocol';

const OUT_OF_MEMORY = /out of memory|\bOOM\b|allocation failed|invalid (typed )?array length/i;

/** After an abort every other error is a consequence of it. A bug stays what it is. */
export function failureOf(error: unknown, signal: AbortSignal): Error {
  if (signal.aborted) {
    const { reason } = signal;
    if (reason instanceof TriptychError) return reason;
    return new TriptychError('CANCELLED', 'The training was stopped', { cause: reason });
  }
  if (error instanceof TriptychError) return error;
  const failure = error instanceof Error ? error : new Error(String(error));
  if (OUT_OF_MEMORY.test(failure.message))
    return new TriptychError(
      'OUT_OF_MEMORY',
      `The worker ran out of memory (${failure.message}); ${memoryRemedy}, or use workers with more memory`,
      { cause: failure },
    );
  return failure;
}
