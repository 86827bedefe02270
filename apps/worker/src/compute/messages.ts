/** What the main thread and the compute thread tell each other. */
import type { MessagePort } from 'node:worker_threads';
import type { BackendChoice, EngineDescription } from '@triptych/nn';
import type { ResolvedRunSpec } from '@triptych/protocol';
import type { TrainerEvent } from '@triptych/training';
import type { Failure } from './failure.ts';

/** workerData: fixed for the life of the thread. */
export interface ThreadSettings {
  readonly engine: BackendChoice;
  /** host:port; artifacts that are not near are fetched from there. */
  readonly control: string;
  /** Where artifacts are kept: the shared folder or a cache. */
  readonly artifactsFolder: string;
}

/** One rank's part of one generation. */
export interface Job {
  readonly spec: ResolvedRunSpec;
  readonly datasetManifests: readonly string[];
  readonly modelArtifact?: string;
  readonly towerArtifacts?: Readonly<Record<string, string>>;
  readonly checkpoint?: string;
  readonly rank: number;
  readonly worldSize: number;
}

export type ToThread =
  | { readonly kind: 'train'; readonly job: Job; readonly group: MessagePort }
  | { readonly kind: 'abort'; readonly reason: Failure }
  | { readonly kind: 'close' };

export type FromThread =
  | { readonly kind: 'ready'; readonly description: EngineDescription; readonly seconds: number }
  | { readonly kind: 'unusable'; readonly failure: Failure }
  | { readonly kind: 'event'; readonly event: TrainerEvent }
  | { readonly kind: 'done' }
  | { readonly kind: 'failed'; readonly failure: Failure };
