/** A Train call's request, checked whole: what the supervisor got wrong is said at once, before anything is started. */
import {
  invalidInput,
  NumericsFacts,
  ResolvedRunSpec,
  show,
  upgradeSpec,
  type Violation,
  violationsOf,
  type worker,
} from '@triptych/protocol';
import type { Job } from './compute/messages.ts';

/** The generation that a request means, and this worker's place in it. */
export interface Membership {
  readonly runId: string;
  readonly attempt: number;
  readonly generation: number;
  readonly rank: number;
}

export interface TrainCommand extends Membership {
  readonly fencingToken: number;
  readonly peers: readonly { readonly rank: number; readonly address: string; readonly workerId: string }[];
  /** Each link between the ranks proves it. */
  readonly groupSecret: string;
  /** How the ranks compute, by what the control plane knows; absent: it does not know. */
  readonly numerics?: NumericsFacts;
  readonly job: Job;
  readonly afterSequence: number;
  readonly reattachMs: number;
}

const DEFAULT_REATTACH_MS = 60_000;

/** @throws TriptychError INVALID_INPUT naming every problem. */
export function trainCommandOf(request: worker.TrainRequest): TrainCommand {
  const spec = upgradeSpec(jsonOf(request.specJson));
  const violations = [
    ...(spec === undefined
      ? [violation('/specJson', 'JSON', show(request.specJson))]
      : violationsOf(ResolvedRunSpec, spec).map((found) => ({ ...found, path: `/specJson${found.path}` }))),
    ...membershipViolations(request),
    ...hashViolations(request),
    ...numericsViolations(request),
  ];
  if (violations.length > 0) throw invalidInput('request to train', violations);
  const { runId, attempt, generation, rank, fencingToken, peers, groupSecret, afterSequence } = request;
  return {
    ...{ runId, attempt, generation, rank, fencingToken, peers, groupSecret, afterSequence },
    reattachMs: request.reattachMs || DEFAULT_REATTACH_MS,
    ...(request.numerics && { numerics: request.numerics as NumericsFacts }),
    job: {
      spec: spec as ResolvedRunSpec,
      datasetManifests: request.datasetManifests,
      ...(request.modelArtifact && { modelArtifact: request.modelArtifact }),
      ...(Object.keys(request.towerArtifacts).length > 0 && { towerArtifacts: request.towerArtifacts }),
      ...(request.checkpointSha256 && { checkpoint: request.checkpointSha256 }),
      rank,
      worldSize: request.worldSize,
    },
  };
}

function membershipViolations(request: worker.TrainRequest): Violation[] {
  const { runId, rank, worldSize, peers, groupSecret } = request;
  const found: Violation[] = [];
  if (runId === '') found.push(violation('/runId', 'a run id', 'nothing'));
  if (worldSize < 1) found.push(violation('/worldSize', 'at least 1', show(worldSize)));
  if (rank >= worldSize) found.push(violation('/rank', `a rank below ${worldSize}`, show(rank)));
  if (worldSize > 1 && groupSecret.length < 32)
    found.push(violation('/groupSecret', 'a secret of at least 32 characters', 'a shorter one'));
  const ranks = peers.map((peer) => peer.rank).sort((a, b) => a - b);
  if (ranks.length !== worldSize || ranks.some((peer, index) => peer !== index)) {
    found.push(violation('/peers', `ranks 0 to ${worldSize - 1}, this one included`, show(ranks)));
  }
  return found;
}

function hashViolations(request: worker.TrainRequest): Violation[] {
  const { datasetManifests, modelArtifact, towerArtifacts, checkpointSha256 } = request;
  const isHash = (text: string) => /^[0-9a-f]{64}$/.test(text);
  const expected = 'a sha256';
  return [
    ...(datasetManifests.length > 0 && datasetManifests.every(isHash)
      ? []
      : [violation('/datasetManifests', 'a sha256 for each dataset', show(datasetManifests))]),
    ...Object.entries(towerArtifacts)
      .filter(([, hash]) => !isHash(hash))
      .map(([name, hash]) => violation(`/towerArtifacts/${name}`, expected, show(hash))),
    ...Object.entries({ modelArtifact, checkpointSha256 })
      .filter(([, hash]) => hash !== '' && !isHash(hash))
      .map(([name, hash]) => violation(`/${name}`, `${expected} or nothing`, show(hash))),
  ];
}

const numericsViolations = ({ numerics }: worker.TrainRequest): Violation[] =>
  numerics === undefined
    ? []
    : violationsOf(NumericsFacts, numerics).map((found) => ({ ...found, path: `/numerics${found.path}` }));

const violation = (path: string, expected: string, actual: string): Violation => ({
  ...{ path, expected, actual },
  remedy: 'correct the supervisor that sent it',
});

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
