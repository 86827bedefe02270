/** The sample dataset of the quickstart: written once for each state folder, registered once for each database. */
import { existsSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { TriptychClient } from '@triptych/client';
import { writeScenes } from '@triptych/datasets';
import { type Dataset, TriptychError } from '@triptych/protocol';

const IMAGES = 3000;
const SEED = 0;

/** The folder of the images; written under another name first, so that one that is there is complete. */
export async function sampleImages(options: {
  readonly folder: string;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: { done: number; total: number }) => void;
}): Promise<string> {
  const { folder, signal, onProgress } = options;
  const path = join(folder, `scenes-${IMAGES}-seed${SEED}`);
  if (existsSync(path)) return path;
  const partial = `${path}.partial`;
  await rm(partial, { recursive: true, force: true });
  await writeScenes({ path: partial, images: IMAGES, seed: SEED, signal, onProgress });
  await rename(partial, path);
  return path;
}

/** That folder as a dataset, registered unless it was before. */
export async function registered(options: {
  readonly client: TriptychClient;
  readonly path: string;
  readonly name: string;
  readonly format: string;
  readonly signal: AbortSignal;
}): Promise<Dataset> {
  const { client, signal, ...registration } = options;
  try {
    await client.datasets.register(registration, { signal });
  } catch (error) {
    if (!(error instanceof TriptychError && error.code === 'NAME_TAKEN')) throw error;
  }
  return client.datasets.ready(options.name, { signal });
}
