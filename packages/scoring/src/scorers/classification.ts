/** Classification by class scores: one class for each sample, or several labels that may hold together. */
import { averagePrecisionStatistic } from '../classification/average-precision.ts';
import { classified, zeroShotStatistics } from '../classification/zero-shot.ts';
import { ProblemLog } from '../files/problems.ts';
import { agree, float32, indices, wantedTensor } from '../files/tensor-file.ts';
import { metricCards } from '../metrics.ts';
import type { Scorer } from './scorer.ts';

const logits = { name: 'logits', dimensions: ['samples', 'classes'] };
const form = 'safetensors with "logits" [samples, classes]';

export const classificationScorer: Scorer = {
  name: 'classification',
  description: 'one class for each sample: top-1, top-5 and mean per-class recall',
  files: [
    { role: 'predictions', form },
    { role: 'references', form: 'safetensors with "labels" [samples]' },
  ],
  metrics: metricCards('accuracy@1', 'accuracy@5', 'mean_per_class_recall'),
  score({ predictions, references }) {
    const problems = new ProblemLog();
    const scores = wantedTensor(predictions, logits, problems);
    const truth = wantedTensor(references, { name: 'labels', dimensions: ['samples'] }, problems);
    agree(
      [truth?.shape[0], scores?.shape[0]],
      { file: references, what: 'a label for each sample' },
      problems,
    );
    const classes = scores?.shape[1] ?? 0;
    const labels =
      scores && truth && indices(truth, { file: references, name: 'labels', count: classes }, problems);
    problems.throwIfAny();
    const input = { scores: float32(scores!), classes, labels: labels! };
    return {
      statistics: zeroShotStatistics(input, classified(input)),
      clusters: { what: 'sample', count: labels!.length },
      notes: [],
    };
  },
};

export const multiLabelScorer: Scorer = {
  name: 'multi-label',
  description: 'several labels that may hold together: mean average precision',
  files: [
    { role: 'predictions', form },
    {
      role: 'references',
      form: 'safetensors with "targets" [samples, classes], 1 where the label holds and 0 elsewhere',
    },
  ],
  metrics: metricCards('mean_average_precision'),
  score({ predictions, references }) {
    const problems = new ProblemLog();
    const scores = wantedTensor(predictions, logits, problems);
    const wish = { name: 'targets', dimensions: ['samples', 'classes'] };
    const truth = wantedTensor(references, wish, problems);
    agree(
      [truth?.shape[0], scores?.shape[0]],
      { file: references, what: 'targets for each sample' },
      problems,
    );
    agree(
      [truth?.shape[1], scores?.shape[1]],
      { file: references, what: 'targets for each class' },
      problems,
    );
    const targets = truth && indices(truth, { file: references, name: 'targets', count: 2 }, problems);
    problems.throwIfAny();
    return {
      statistics: [
        averagePrecisionStatistic({
          scores: float32(scores!),
          classes: scores!.shape[1]!,
          targets: targets!,
        }),
      ],
      clusters: { what: 'sample', count: scores!.shape[0]! },
      notes: [],
    };
  },
};
