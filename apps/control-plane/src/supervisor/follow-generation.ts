/** From a generation's first event to its end: what is recorded, and what its ending was. */
import { type ErrorCode, TriptychError, type worker } from '@triptych/protocol';
import type { EventRecorder } from './event-recorder.ts';
import { codeOf } from './failure-verdict.ts';
import type { Generation, GenerationItem } from './generation.ts';

export type Ending =
  | { readonly kind: 'succeeded'; readonly model: worker.ModelPublished }
  | { readonly kind: 'failed'; readonly failure: { readonly code: ErrorCode; readonly message: string } };

export interface FollowOptions {
  readonly generation: Generation;
  readonly recorder: EventRecorder;
  /** After the first failure, or rank 0's end, the others have this long to tell how they ended. */
  readonly settleMs: number;
  readonly signal: AbortSignal;
}

/**
 * The first failure is seldom the cause: where one rank runs out of memory, the others report an aborted collective, often
 * sooner. So the ranks have a moment to speak, and the most telling failure counts.
 * @throws TriptychError `FENCED` where a newer supervisor has the workers; the reason of `signal`
 */
export async function followGeneration(options: FollowOptions): Promise<Ending> {
  const { generation, recorder, settleMs, signal } = options;
  const failures: RankFailure[] = [];
  const settled = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  try {
    for await (const batch of generation.batches(AbortSignal.any([signal, settled.signal]))) {
      await recorder.record(
        batch.flatMap((item) => (item.kind === 'event' && item.rank === 0 ? [item.event] : [])),
      );
      failures.push(...batch.flatMap(failureOf));
      if (failures.some(({ code }) => code === 'FENCED'))
        throw new TriptychError('FENCED', mostTelling(failures).message);
      if (failures.length > 0 || recorder.result)
        timer ??= setTimeout(() => settled.abort(SETTLED), settleMs);
    }
  } catch (error) {
    if (error !== SETTLED || signal.aborted) throw error;
  } finally {
    clearTimeout(timer);
  }
  if (recorder.result) return { kind: 'succeeded', model: recorder.result };
  return { kind: 'failed', failure: mostTelling(failures) };
}

const SETTLED = new Error('the ranks had their time to speak');

interface RankFailure {
  readonly code: ErrorCode;
  readonly message: string;
}

function failureOf(item: GenerationItem): RankFailure[] {
  if (item.kind === 'broken') return [{ code: item.cause.code, message: item.cause.message }];
  if (item.kind !== 'event' || item.event.event?.$case !== 'failed') return [];
  const { code, message } = item.event.event.value;
  return [{ code: codeOf(code), message: `Rank ${item.rank}: ${message}` }];
}

/** Codes that others follow from, the most telling last. What is in neither list is a cause of its own. */
const consequences: readonly ErrorCode[] = [
  'CANCELLED',
  'COLLECTIVE_ABORTED',
  'UNAVAILABLE',
  'INTERNAL',
  'WORKER_LOST',
];

function mostTelling(failures: readonly RankFailure[]): RankFailure {
  const weight = ({ code }: RankFailure) => {
    const index = consequences.indexOf(code);
    return index < 0 ? consequences.length : index;
  };
  const [first, ...rest] = failures;
  if (!first) return { code: 'INTERNAL', message: 'All ranks ended without finishing the run' };
  return rest.reduce((best, other) => (weight(other) > weight(best) ? other : best), first);
}
