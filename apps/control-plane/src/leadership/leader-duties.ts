/**
 * What the leader alone can do, because it is in its memory: the fleet. REST asks for it on every control plane; the one that leads
 * does it, the others ask the one that does.
 */
import type { Collection, worker } from '@triptych/protocol';
import type { PredictionStep } from '../predictions/predictor.ts';
import type { Occupations } from '../registry/fleet-list.ts';

export interface LeaderDuties {
  occupations(): Promise<Occupations>;
  /** As {@link Predictor} does. */
  predict(asked: worker.PredictRequest, signal: AbortSignal): AsyncGenerator<PredictionStep, void>;
  /** Removes artifacts that nothing refers to; resolves when that is done. */
  collect(): Promise<Collection>;
  /** The same within seconds; one for several such wishes. One that is lost is made up for by the next round of the housekeeping. */
  collectSoon(): void;
}

/** Done here while this control plane leads, and asked of the leader while it does not. */
export function dutiesAnywhere(options: {
  readonly here: () => LeaderDuties | undefined;
  readonly elsewhere: LeaderDuties;
}): LeaderDuties {
  const leader = () => options.here() ?? options.elsewhere;
  return {
    occupations: () => leader().occupations(),
    predict: (asked, signal) => leader().predict(asked, signal),
    collect: () => leader().collect(),
    collectSoon: () => leader().collectSoon(),
  };
}
