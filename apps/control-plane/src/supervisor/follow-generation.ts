/** From a generation's first event to its end: what is recorded, and what its ending was. */
import { type ErrorCode, TriptychError, type worker } from '@triptych/protocol';
import type { EventRecorder } from './event-recorder.ts';
import { codeOf } from './failure-verdict.ts';
import type { Generation, GenerationItem } from './generation.ts';
import type { SilenceWatch } from './silence-watch.ts';

export type Ending =
  | { readonly kind: 'succeeded'; readonly model: worker.ModelPublished }
  | { readonly kind: 'failed'; readonly failure: RankFailure };

export interface RankFailure {
  readonly code: ErrorCode;
  readonly message: string;
  /** The worker it happened on, or that its rank blames; nothing where it is nobody's. */
  readonly workerId?: string;
}

export interface FollowOptions {
  readonly generation: Generation;
  readonly recorder: EventRecorder;
  readonly watch: SilenceWatch;
  /** After the first failure, or rank 0's end, the others have this long to tell how they ended. */
  readonly settleMs: number;
  /** Asks the record: what a worker says of a newer owner is believed only where there is one. */
  readonly isReplaced: () => Promise<boolean>;
  readonly signal: AbortSignal;
}

/**
 * The first failure is seldom the cause: where one rank runs out of memory, the others report an aborted collective, often
 * sooner. So the ranks have a moment to speak, and the most telling failure counts. Ranks that say nothing at all for too
 * long are a failure like a lost worker.
 * @throws TriptychError `FENCED` where a newer supervisor has the workers; the reason of `signal`
 */
export async function followGeneration(options: FollowOptions): Promise<Ending> {
  const { generation, recorder, watch, settleMs, isReplaced, signal } = options;
  const failures: RankFailure[] = [];
  const enough = new AbortController();
  let settling: NodeJS.Timeout | undefined;
  let silence: NodeJS.Timeout | undefined;
  // Only while nothing is there to be recorded: a database that is away is not the ranks' silence.
  const listen = () => {
    const { limitMs } = watch;
    silence = setTimeout(() => {
      failures.push({ code: 'WORKER_LOST', message: watch.report(limitMs) });
      enough.abort(ENOUGH);
    }, limitMs);
  };
  try {
    listen();
    for await (const batch of generation.batches(AbortSignal.any([signal, enough.signal]))) {
      clearTimeout(silence);
      watch.heard(batch);
      await recorder.record(
        batch.flatMap((item) => (item.kind === 'event' && item.rank === 0 ? [item.event] : [])),
      );
      for (const item of batch)
        if (item.kind === 'event' && item.event.event?.$case === 'storage')
          await recorder.recordWait(item.rank, item.event.event.value);
      const found = batch.flatMap((item) => failureOf(item, generation));
      failures.push(...found);
      if (found.some(({ code }) => code === 'FENCED') && (await isReplaced()))
        throw new TriptychError('FENCED', mostTelling(failures).message);
      if (failures.length > 0 || recorder.result)
        settling ??= setTimeout(() => enough.abort(ENOUGH), settleMs);
      listen();
    }
  } catch (error) {
    if (error !== ENOUGH || signal.aborted) throw error;
  } finally {
    clearTimeout(settling);
    clearTimeout(silence);
  }
  if (recorder.result) return { kind: 'succeeded', model: recorder.result };
  return { kind: 'failed', failure: mostTelling(failures) };
}

const ENOUGH = new Error('the ranks had their time to speak');

function failureOf(item: GenerationItem, { ranks }: Generation): RankFailure[] {
  if (item.kind === 'broken') {
    const { code, message } = item.cause;
    return [{ code, message, workerId: item.workerId }];
  }
  if (item.kind !== 'event' || item.event.event?.$case !== 'failed') return [];
  const { code, message, blamedRank } = item.event.event.value;
  const workerId = ranks[blamedRank ?? item.rank]?.workerId;
  return [{ code: codeOf(code), message: `Rank ${item.rank}: ${message}`, ...(workerId && { workerId }) }];
}

/** Codes that others follow from, the most telling last. What is in neither list is a cause of its own. */
const consequences: readonly ErrorCode[] = [
  'CANCELLED',
  'COLLECTIVE_ABORTED',
  'UNAVAILABLE',
  'INTERNAL',
  'WORKER_LOST',
  'WORKER_DRAINED',
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
