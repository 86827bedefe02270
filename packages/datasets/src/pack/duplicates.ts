/**
 * No sample twice, and nothing that training must not see. The same image in several samples of a split is no duplicate: a picture has
 * many questions.
 */
import { createHash } from 'node:crypto';
import type { ProblemLog } from './problems.ts';
import { inManifestOrder, splitOrder } from './splits.ts';
import type { UsableSample } from './survey.ts';

/**
 * Between splits the later of train, validation, test keeps an image, so that evaluation stays comparable: every earlier sample that
 * shows it goes. Samples without images are compared by their text. Within a split the first by id of equal samples stays.
 */
export function withoutDuplicates(samples: readonly UsableSample[], problems: ProblemLog): UsableSample[] {
  const ordered = inManifestOrder(samples);
  const lastUse = new Map<string, UsableSample>();
  for (const sample of ordered)
    for (const key of keysOf(sample)) if (lastUse.get(key)?.split !== sample.split) lastUse.set(key, sample);
  const first = new Map<string, UsableSample>();
  return ordered.filter((sample) => {
    const { id, split } = sample;
    const later = keysOf(sample)
      .map((key) => lastUse.get(key) as UsableSample)
      .find((user) => splitOrder.indexOf(user.split) > splitOrder.indexOf(split));
    if (later) {
      problems.add('leakage', `${id} (${split}) has the content of ${later.id} (${later.split})`);
      return false;
    }
    const whole = wholeKey(sample);
    const same = first.get(whole);
    if (same) problems.add('duplicate-sample', `${id} has the content of ${same.id}`);
    else first.set(whole, sample);
    return !same;
  });
}

/** One image as two classes: both samples stay, since only their owner knows which is right. */
export function reportConflicts(samples: readonly UsableSample[], problems: ProblemLog): void {
  const known = new Map<string, UsableSample>();
  for (const sample of samples) {
    if (sample.className === undefined) continue;
    for (const { sha256 } of sample.images) {
      const other = known.get(sha256);
      if (!other) known.set(sha256, sample);
      else if (other.className !== sample.className)
        problems.add(
          'conflicting-classes',
          `${sample.id} ("${sample.className}") has the content of ${other.id} ("${other.className}")`,
        );
    }
  }
}

/** What a sample must not share with one of another split: its images, or its text where it has none. */
export const keysOf = ({ images, content }: UsableSample): string[] =>
  images.length > 0 ? images.map(({ sha256 }) => sha256) : [digest(content)];

const wholeKey = ({ split, images, content, className }: UsableSample): string =>
  digest([split, images.map(({ sha256 }) => sha256), content, className ?? null]);

const digest = (value: unknown): string => createHash('sha256').update(JSON.stringify(value)).digest('hex');
