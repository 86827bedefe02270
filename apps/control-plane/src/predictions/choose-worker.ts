/** Which worker makes a prediction. Pure: the fleet and what is known of it come in, the choice or the reason against it goes out. */
import type { Backend } from '@triptych/protocol';
import type { FleetWorker } from '../scheduler/place.ts';

export interface WorkerSearch {
  /** Unix milliseconds. */
  readonly now: number;
  readonly fleet: readonly FleetWorker[];
  /** Of the model that is asked. */
  readonly artifact: string;
  /** By worker: the model that it was last asked, which it still has open as a rule. */
  readonly opened: ReadonlyMap<string, string>;
  /** Workers that have just refused. */
  readonly without: ReadonlySet<string>;
  /** Workers that make another prediction now. */
  readonly lent: ReadonlySet<string>;
}

export type WorkerChoice =
  | { readonly worker: FleetWorker }
  /** `isShort`: one of them will soon be free. */
  | { readonly reason: string; readonly isShort: boolean };

/** An idle worker: one that has not failed lately, then one that has the model open, then one that has none open, then the fastest. */
export function chooseWorker({ now, fleet, artifact, opened, without, lent }: WorkerSearch): WorkerChoice {
  const present = fleet.filter(({ state, leaseExpiresAt }) => state !== 'lost' && leaseExpiresAt > now);
  const rank = ({ id, backend, isCooling }: FleetWorker): number => {
    const open = opened.get(id);
    const warmth = isCooling ? 3 : open === artifact ? 0 : open === undefined ? 1 : 2;
    return warmth * preference.length + preference.indexOf(backend);
  };
  const [worker] = present
    .filter(({ id, state }) => state === 'idle' && !without.has(id))
    .sort((a, b) => rank(a) - rank(b) || (a.id < b.id ? -1 : 1));
  if (worker) return { worker };
  if (present.length === 0)
    return {
      reason:
        'No worker has registered; start one (TRIPTYCH_CONTROL=host:port node apps/worker/dist/main.js)',
      isShort: false,
    };
  const many = present.length === 1 ? 'The one worker is' : `All ${present.length} workers are`;
  const reason = `${many} busy; ask again when a training has ended, or start one more worker`;
  return { reason, isShort: present.some(({ id }) => lent.has(id)) };
}

const preference: readonly Backend[] = ['tensorflow', 'webgpu', 'wasm', 'cpu'];
