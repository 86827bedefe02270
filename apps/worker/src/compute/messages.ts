/** What the main thread and the compute thread tell each other. */
import type { MessagePort } from 'node:worker_threads';
import type { BackendChoice, EngineDescription } from '@triptych/nn';
import type { Numerics, PredictionTask, ResolvedRunSpec, TlsIdentity } from '@triptych/protocol';
import type { PictureFile, PredictionOutput, TrainerEvent } from '@triptych/training';
import type { Failure } from './failure.ts';

/** workerData: fixed for the life of the thread. */
export interface ThreadSettings {
  readonly engine: BackendChoice;
  /** host:port of the control plane at the time when the thread starts; artifacts that are not near are fetched from there. */
  readonly control: string;
  readonly tls?: TlsIdentity | undefined;
  /** Of the worker's lease at the time when the thread starts; `lease` has those that follow. */
  readonly leaseSecret?: string;
  /** Where artifacts are kept: the shared folder or a cache. */
  readonly artifactsFolder: string;
  /** How large the cache may become; absent: it is the shared folder, in which the control plane alone removes. */
  readonly cacheBytes?: number;
  /** Of Triptych. */
  readonly version: string;
}

/** Where the worker has registered, and what proves it there. */
export interface Lease {
  readonly secret: string;
  /** host:port */
  readonly control: string;
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

/** One thing that a stored model is asked. */
export interface PredictionJob {
  /** sha256 of the model's file list. */
  readonly model: string;
  /** Options of the architecture, complete. */
  readonly inputs: Readonly<Record<string, unknown>>;
  readonly task: PredictionTask;
  readonly pictures: readonly PictureFile[];
}

export type ToThread =
  | { readonly kind: 'train'; readonly job: Job; readonly group: MessagePort }
  | { readonly kind: 'predict'; readonly job: PredictionJob }
  | { readonly kind: 'lease'; readonly lease: Lease }
  | { readonly kind: 'abort'; readonly reason: Failure }
  | { readonly kind: 'close' };

export type FromThread =
  | {
      readonly kind: 'ready';
      readonly description: EngineDescription;
      readonly numerics: Numerics;
      readonly seconds: number;
    }
  | { readonly kind: 'unusable'; readonly failure: Failure }
  | { readonly kind: 'event'; readonly event: TrainerEvent }
  | { readonly kind: 'output'; readonly output: PredictionOutput }
  | { readonly kind: 'done' }
  | { readonly kind: 'failed'; readonly failure: Failure };
