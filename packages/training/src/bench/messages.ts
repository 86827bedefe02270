/** What the memory benchmark and the process that it measures say to each other. */
import type { ResolvedRunSpec } from '@triptych/protocol';

export interface Order {
  readonly spec: ResolvedRunSpec;
  readonly backend: 'wasm' | 'tensorflow' | 'cpu';
  /** Folder of the artifact store, and the dataset in it. */
  readonly artifacts: string;
  readonly datasetManifest: string;
}

export interface Answer {
  readonly outcome: 'finished' | 'failed';
  /** Of the failure. */
  readonly message?: string;
  readonly seconds: number;
  readonly peakRssBytes: number;
  /** Peak before the run: the process with its engine. */
  readonly idleRssBytes: number;
  readonly heapBytes: number | undefined;
  /** sha256 of the published weights. */
  readonly weights?: string;
}
