import type { ProcessGroup } from '@triptych/collective';
import type { Numerics, ResolvedRunSpec } from '@triptych/protocol';
import type { ArtifactStore } from '@triptych/storage';

export interface TrainOptions {
  readonly spec: ResolvedRunSpec;
  /** Stays the caller's to close; a failure aborts it, so that no peer waits in vain. */
  readonly group: ProcessGroup;
  readonly store: ArtifactStore;
  /** Where checkpoints go, by default `store`: one that has no room lets the training go on and is asked again later. */
  readonly checkpointStore?: ArtifactStore | undefined;
  /** sha256 of the manifest of each dataset, in the order of the spec. */
  readonly datasetManifests: readonly string[];
  /** sha256 of the base model's file list; absent: the preset that the spec names. */
  readonly modelArtifact?: string | undefined;
  /** sha256 of the file lists of the models that towers come from, by tower. */
  readonly towerArtifacts?: Readonly<Record<string, string>> | undefined;
  /** sha256 of the checkpoint to go on from. */
  readonly checkpoint?: string | undefined;
  /** How this thread computes; all ranks must compute alike. Absent where there is nothing to compare with: all are in one process. */
  readonly numerics?: Numerics | undefined;
  readonly signal: AbortSignal;
  /** Above this, forward passes run twice instead of keeping all shards' activations; the numbers are the same. */
  readonly activationBudgetBytes?: number;
}
