/** Makes splits that can be trusted: no image twice, none in two splits, and always something held out. */
import { type Split, TriptychError } from '@triptych/protocol';
import type { ProblemLog } from './problems.ts';
import type { UsableSample } from './survey.ts';

export const splitOrder: readonly Split[] = ['train', 'validation', 'test'];

/** One image in ten is held out where a dataset holds out none. */
const HELD_OUT_PART = 10;

/**
 * Keeps one sample of every image content. Between splits the later of train, validation, test keeps it, so that evaluation stays
 * comparable and training loses what it must not see; within a split the first by id.
 */
export function withoutDuplicates(samples: readonly UsableSample[], problems: ProblemLog): UsableSample[] {
  const keeper = new Map<string, UsableSample>();
  for (const sample of samples) {
    const known = keeper.get(sample.sha256);
    if (!known || comparePriority(sample, known) < 0) keeper.set(sample.sha256, sample);
  }
  return samples.filter((sample) => {
    const kept = keeper.get(sample.sha256) as UsableSample;
    if (kept === sample) return true;
    if (kept.split === sample.split)
      problems.add('duplicate-image', `${sample.id} has the content of ${kept.id}`);
    else
      problems.add('leakage', `${sample.id} (${sample.split}) has the content of ${kept.id} (${kept.split})`);
    return false;
  });
}

/**
 * Where all samples are in train, moves every tenth of each class to validation: those whose content hashes are smallest, a choice
 * that depends neither on names nor on the order of files.
 */
export function withHeldOut(samples: readonly UsableSample[], problems: ProblemLog): UsableSample[] {
  if (samples.length < 2 || samples.some(({ split }) => split !== 'train')) return [...samples];
  const byClass = new Map<string | undefined, UsableSample[]>();
  for (const sample of samples) {
    const group = byClass.get(sample.className);
    if (group) group.push(sample);
    else byClass.set(sample.className, [sample]);
  }
  const moved = new Set<UsableSample>();
  for (const group of byClass.values()) {
    const count = Math.round(group.length / HELD_OUT_PART);
    const ranked = group.toSorted((a, b) => compare(a.sha256, b.sha256));
    for (const sample of ranked.slice(0, count)) moved.add(sample);
  }
  if (moved.size === 0) moved.add(samples.toSorted((a, b) => compare(a.sha256, b.sha256))[0] as UsableSample);
  problems.add(
    'no-held-out-split',
    `${moved.size} of ${samples.length} images were moved to validation`,
    moved.size,
  );
  return samples.map((sample) => (moved.has(sample) ? { ...sample, split: 'validation' } : sample));
}

/** By split, then by id. */
export const inManifestOrder = <T extends { split: Split; id: string }>(samples: readonly T[]): T[] =>
  samples.toSorted(
    (a, b) => splitOrder.indexOf(a.split) - splitOrder.indexOf(b.split) || compare(a.id, b.id),
  );

/** Throws DATASET_INVALID with every problem where nothing is left. */
export function requireSome(samples: readonly unknown[], path: string, problems: ProblemLog): void {
  if (samples.length > 0) return;
  const found = problems.describe() || 'no images were found';
  throw new TriptychError('DATASET_INVALID', `"${path}" has no usable sample: ${found}`, {
    violations: problems.list().map(({ kind, count, examples }) => ({
      path: '/path',
      expected: 'usable samples',
      actual: `${count} ${kind}: ${examples.join('; ')}`,
      remedy: 'see the message',
    })),
  });
}

const comparePriority = (a: UsableSample, b: UsableSample): number =>
  splitOrder.indexOf(b.split) - splitOrder.indexOf(a.split) || compare(a.id, b.id);

/** By code unit: the same on every machine, whatever its locale. */
const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
