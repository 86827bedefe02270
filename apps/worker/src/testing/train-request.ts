/** A valid request to train, of which a test changes what it is about. */
import type { ResolvedRunSpec, worker } from '@triptych/protocol';

export const spec: ResolvedRunSpec = {
  model: 'clip-tiny',
  method: 'full',
  inputs: {},
  dataset: 'scenes',
  seed: 1,
  objective: { kind: 'infonce' },
  duration: { steps: 4 },
  batch: { global: 8, shards: 4 },
  memory: 'keep',
  optimizer: {
    kind: 'adamw',
    learningRate: 1e-3,
    beta1: 0.9,
    beta2: 0.98,
    epsilon: 1e-6,
    weightDecay: 0.1,
    clipNorm: 1,
  },
  schedule: { kind: 'cosine', warmupSteps: 1 },
  checkpoint: { everySteps: 0 },
  evaluation: { tasks: [], split: 'validation', baseline: false },
  workers: { min: 1, max: 1, pool: 'default' },
  priority: 50,
};

export function trainRequest(changes: Partial<worker.TrainRequest> = {}): worker.TrainRequest {
  return {
    runId: 'run-1',
    attempt: 1,
    generation: 1,
    fencingToken: 1,
    rank: 0,
    worldSize: 1,
    peers: [{ rank: 0, workerId: 'w-0', address: '127.0.0.1:1' }],
    specJson: JSON.stringify(spec),
    datasetManifests: ['a'.repeat(64)],
    modelArtifact: '',
    towerArtifacts: {},
    checkpointSha256: '',
    afterSequence: 0,
    reattachMs: 60_000,
    groupSecret: 'g'.repeat(43),
    numerics: undefined,
    ...changes,
  };
}
