import type { Score } from '@triptych/protocol';
import { expect, it } from 'vitest';
import { scoreTable } from './score-table.ts';

const score = (stage: Score['stage'], value: number, other: Partial<Score> = {}): Score => ({
  task: 'zero-shot',
  metric: 'accuracy@1',
  split: 'test',
  step: stage === 'final' ? 100 : 0,
  samples: 450,
  unit: 'ratio',
  stage,
  value,
  ...other,
});

it('puts each result beside its baseline and chance', () => {
  const table = scoreTable([
    score('baseline', 0.1, { chance: 0.125 }),
    score('baseline', 0.004, { task: 'retrieval', metric: 'image_to_text@1' }),
    score('final', 0.925, { chance: 0.125 }),
  ]);
  expect(table).toBe(
    [
      'task       split  metric            final  baseline  chance  samples',
      'zero-shot  test   accuracy@1       92.5 %    10.0 %  12.5 %      450',
      'retrieval  test   image_to_text@1       -     0.4 %       -      450',
      '',
    ].join('\n'),
  );
});
