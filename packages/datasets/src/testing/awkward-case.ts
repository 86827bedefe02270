/** One awkward folder, and the findings that a user reads for it. */
import { expect } from 'vitest';
import { packDataset } from '../pack/pack-dataset.ts';
import { folderWith } from './folders.ts';
import { memoryStore } from './memory-store.ts';

export interface Case {
  readonly what: string;
  readonly files: Record<string, unknown>;
  readonly prepare?: (path: string) => void;
  readonly samples: number;
  /** Kinds with their counts and what the first example says. */
  readonly found: Record<string, readonly [number, string]>;
}

/** Of these folders every sample is in train: one of them is held out, which is always said. */
const ALWAYS = 'no-held-out-split';

export async function expectFindings(one: Case): Promise<void> {
  const path = await folderWith(one.files);
  one.prepare?.(path);
  const { manifest, problems } = await packDataset({ path, format: 'auto', store: memoryStore() });
  const rest = problems.filter(({ kind }) => kind !== ALWAYS);
  expect(manifest.samples).toHaveLength(one.samples);
  expect(Object.fromEntries(rest.map(({ kind, count }) => [kind, count]))).toEqual(
    Object.fromEntries(Object.entries(one.found).map(([kind, [count]]) => [kind, count])),
  );
  for (const { kind, examples } of rest) expect(examples[0]).toContain(one.found[kind]?.[1]);
}
