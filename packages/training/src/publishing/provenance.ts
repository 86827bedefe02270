/** What a trained model was made from, for whoever wants to make it again. */
import type { Provenance, ResolvedRunSpec } from '@triptych/protocol';
import type { LedgerState } from '../checkpoint/sample-ledger.ts';
import type { TrainOptions } from '../run/train-options.ts';

export interface ProvenanceFacts
  extends Pick<TrainOptions, 'spec' | 'datasetManifests' | 'modelArtifact' | 'towerArtifacts' | 'numerics'> {
  readonly architecture: string;
  readonly ledger: LedgerState;
  readonly steps: number;
  /** Of the weights; absent: the last one. */
  readonly weightsStep?: number | undefined;
}

/** Of the spec, what decides about weights and scores: the same on any number of workers. */
export function provenanceOf(facts: ProvenanceFacts): Provenance {
  const { spec, datasetManifests, modelArtifact, towerArtifacts, numerics, architecture } = facts;
  const { name: _, priority: __, workers: ___, checkpoint, memory: ____, ...deciding } = spec;
  return {
    layout: 1,
    architecture,
    spec: { ...deciding, ...(checkpoint.keep && { checkpoint: { keep: checkpoint.keep } }) },
    datasets: namesOf(spec).map((name, i) => ({ name, manifest: datasetManifests[i]! })),
    base: { name: spec.model, ...(modelArtifact !== undefined && { artifact: modelArtifact }) },
    ...(towerArtifacts && { towers: { ...towerArtifacts } }),
    steps: facts.steps,
    ...(facts.weightsStep !== undefined && { weightsStep: facts.weightsStep }),
    samples: facts.ledger.samples,
    samplesDigest: facts.ledger.digest,
    ...(numerics && { numerics }),
  };
}

const namesOf = ({ datasets, dataset }: ResolvedRunSpec): string[] =>
  datasets?.map(({ name }) => name) ?? [dataset];
