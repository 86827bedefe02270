/** A validation split for datasets that hold out nothing. */

import { keysOf } from './duplicates.ts';
import type { ProblemLog } from './problems.ts';
import { compare } from './splits.ts';
import type { UsableSample } from './survey.ts';

/** One image in ten, with all its samples. */
const HELD_OUT_PART = 10;

/**
 * Where all samples are in train, moves every tenth of each class to validation: those whose content hashes are smallest, a choice
 * that depends neither on names nor on the order of files. Samples that share an image move together.
 */
export function withHeldOut(samples: readonly UsableSample[], problems: ProblemLog): UsableSample[] {
  if (samples.length < 2 || samples.some(({ split }) => split !== 'train')) return [...samples];
  let groups = groupsOf(samples);
  if (groups.length === 1) {
    // All hang together through common images, such as a logo: better a split by samples than none.
    groups = samples.map((sample) => ({ key: keysOf(sample).sort(compare).join(), samples: [sample] }));
    problems.add('held-out-shares-images', 'all samples are linked by images they share');
  }
  const byClass = new Map<string | undefined, Group[]>();
  for (const group of groups) {
    const className = group.samples[0]?.className;
    const known = byClass.get(className);
    if (known) known.push(group);
    else byClass.set(className, [group]);
  }
  const moved = [...byClass.values()].flatMap((members) =>
    ranked(members).slice(0, Math.round(members.length / HELD_OUT_PART)),
  );
  if (moved.length === 0) moved.push(ranked(groups)[0] as Group);
  const held = new Set(moved.flatMap((group) => group.samples));
  problems.add(
    'no-held-out-split',
    `${held.size} of ${samples.length} samples were moved to validation`,
    held.size,
  );
  return samples.map((sample) => (held.has(sample) ? { ...sample, split: 'validation' } : sample));
}

interface Group {
  readonly key: string;
  readonly samples: readonly UsableSample[];
}

const ranked = (groups: readonly Group[]): Group[] => groups.toSorted((a, b) => compare(a.key, b.key));

/** Samples that are linked by images, directly or through others (union-find). */
function groupsOf(samples: readonly UsableSample[]): Group[] {
  const parents = new Map<string, string>();
  const rootOf = (key: string): string => {
    let root = key;
    for (let up = parents.get(root); up !== undefined && up !== root; up = parents.get(root)) root = up;
    // Shortens the way for the next one.
    for (let at = key; at !== root; ) {
      const up = parents.get(at) as string;
      parents.set(at, root);
      at = up;
    }
    return root;
  };
  for (const sample of samples) {
    const [first, ...others] = keysOf(sample).map((key) => {
      if (!parents.has(key)) parents.set(key, key);
      return rootOf(key);
    });
    for (const other of others) parents.set(rootOf(other), rootOf(first as string));
  }
  const byRoot = new Map<string, UsableSample[]>();
  for (const sample of samples) {
    const root = rootOf(keysOf(sample)[0] as string);
    const known = byRoot.get(root);
    if (known) known.push(sample);
    else byRoot.set(root, [sample]);
  }
  return [...byRoot.values()].map((members) => ({ key: smallestKey(members), samples: members }));
}

const smallestKey = (samples: readonly UsableSample[]): string =>
  samples.flatMap(keysOf).reduce((a, b) => (compare(a, b) <= 0 ? a : b));
