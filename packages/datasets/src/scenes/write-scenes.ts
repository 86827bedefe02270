import type { Split } from '@triptych/protocol';

export interface ScenesSummary {
  readonly images: number;
  readonly splits: Readonly<Record<Split, number>>;
  readonly classNames: readonly string[];
  readonly bytes: number;
}

export async function writeScenes(_options: {
  path: string;
  images?: number;
  seed?: number;
  signal?: AbortSignal;
  onProgress?: (progress: { done: number; total: number }) => void;
}): Promise<ScenesSummary> {
  throw new Error('not yet');
}
