/** What each split of a manifest holds, in numbers. */
import type { SplitSummary } from '@triptych/protocol';
import type { ContentKind } from '../content.ts';
import type { DatasetManifest } from './manifest.ts';
import { splitOrder } from './splits.ts';

/** The splits that have samples, in their order. */
export function splitSummaries({ samples }: Pick<DatasetManifest, 'samples'>): SplitSummary[] {
  return splitOrder
    .map((split) => {
      const members = samples.filter((sample) => sample.split === split);
      const contents: Record<ContentKind, number> = {
        captions: 0,
        interleaved: 0,
        question: 0,
        conversation: 0,
      };
      let captions = 0;
      for (const { content } of members) {
        contents[content.kind] += 1;
        if (content.kind === 'captions') captions += content.texts.length;
      }
      return {
        split,
        samples: members.length,
        images: new Set(members.flatMap(({ images }) => images)).size,
        captions,
        classes: new Set(members.flatMap(({ classIndex }) => classIndex ?? [])).size,
        contents,
      };
    })
    .filter((summary) => summary.samples > 0);
}
