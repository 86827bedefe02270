/** POPE: whether an object is in a picture, yes or no. */
import { saysYes, yesNoStatistics } from '../answers/yes-no.ts';
import { firstOf } from '../files/predicted-texts.ts';
import { ProblemLog } from '../files/problems.ts';
import { answeredQuestions, imageOf, type QuestionFormat } from '../files/questions.ts';
import { metricCards } from '../metrics.ts';
import { clustersOf, samplesByName } from '../score.ts';
import type { Scorer } from './scorer.ts';

export const popeScorer: Scorer = {
  name: 'pope',
  description: 'yes or no, as POPE counts them: accuracy, precision, recall, F1 and the share of yes',
  files: [
    { role: 'predictions', form: 'a list, or a line for each, of { "question_id", "text" }' },
    {
      role: 'references',
      form: 'the same of { "question_id", "label": "yes" or "no", "image", "category" }; image and category may be missing',
    },
  ],
  metrics: metricCards('accuracy', 'precision', 'recall', 'f1', 'yes_ratio'),
  score(files, { missing }) {
    const { ids, asked } = answeredQuestions(files, { format: labels, missing, problems: new ProblemLog() });
    const clusters = clustersOf(asked.map(({ image }) => image));
    const all = {
      ...{ ids, clusters },
      predicted: asked.map(({ prediction }) => saysYes(prediction)),
      truth: asked.map(({ yes }) => yes),
    };
    const categories = samplesByName(asked.map(({ category }) => category));
    return {
      statistics: [
        ...yesNoStatistics(all),
        ...[...categories].flatMap(([name, among]) =>
          yesNoStatistics({ ...all, among, group: { by: 'category', name } }),
        ),
      ],
      clusters: { what: 'image', count: clusters.count },
      notes: [],
    };
  },
};

interface Labelled {
  readonly yes: boolean;
  readonly image: string;
  readonly category: string | undefined;
}

const labels: QuestionFormat<Labelled> = {
  form: 'a list of { "question_id", "label" }',
  read(entry, { id, wrong }) {
    const label = firstOf(entry, ['label', 'answer']);
    if (label !== 'yes' && label !== 'no') return wrong('"label": "yes" or "no"', label);
    const { category } = entry;
    return {
      yes: label === 'yes',
      image: imageOf(entry, id),
      category: typeof category === 'string' ? category : undefined,
    };
  },
};
