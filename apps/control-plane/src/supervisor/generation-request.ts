/** What the ranks of a generation are asked to do, from what the record and the supervision know of the run. Pure. */
import type { Tenure } from '../store/run-store.ts';
import type { GenerationOptions } from './generation.ts';
import type { RunMemory } from './run-memory.ts';

export interface GenerationRequestOptions {
  readonly tenure: Tenure;
  readonly memory: Pick<RunMemory, 'newestCheckpoint' | 'numerics'>;
  readonly attempt: number;
  readonly fencingToken: bigint;
  /** The last event of rank 0 that is on record. */
  readonly afterSequence: number;
  readonly reattachMs: number;
}

export function generationRequest(options: GenerationRequestOptions): GenerationOptions['request'] {
  const { tenure, memory, attempt, fencingToken, afterSequence, reattachMs } = options;
  return {
    runId: tenure.run.id,
    attempt,
    generation: attempt === tenure.attempt ? tenure.generation : 1,
    fencingToken: Number(fencingToken),
    specJson: JSON.stringify(tenure.spec),
    datasetManifests: [...tenure.datasetManifests],
    modelArtifact: tenure.modelArtifact ?? '',
    towerArtifacts: { ...tenure.towerArtifacts },
    checkpointSha256: memory.newestCheckpoint ?? '',
    afterSequence,
    reattachMs,
    numerics: memory.numerics,
  };
}
