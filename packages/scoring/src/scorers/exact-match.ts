/** Answers that are a right one, once both are normalised as for VQA. */
import { exactMatches } from '../answers/exact-match.ts';
import { firstOf } from '../files/predicted-texts.ts';
import { ProblemLog } from '../files/problems.ts';
import { answeredQuestions, imageOf, type QuestionFormat } from '../files/questions.ts';
import { metricCards, named } from '../metrics.ts';
import { clustersOf, meanOfSamples } from '../score.ts';
import type { Scorer } from './scorer.ts';

export const exactMatchScorer: Scorer = {
  name: 'exact-match',
  description: 'answers that are a right one, once normalised as for VQA',
  files: [
    {
      role: 'predictions',
      form: 'a list, or a line for each, of { "question_id", "answer" }, or an object from ids to answers',
    },
    {
      role: 'references',
      form: 'the same of { "question_id", "answer" or "answers", "image" }; the image may be missing',
    },
  ],
  metrics: metricCards('exact_match'),
  score(files, { missing }) {
    const { ids, asked } = answeredQuestions(files, { format: answers, missing, problems: new ProblemLog() });
    const clusters = clustersOf(asked.map(({ image }) => image));
    return {
      statistics: [meanOfSamples({ ...named('exact_match'), ids, values: exactMatches(asked), clusters })],
      clusters: { what: 'image', count: clusters.count },
      notes: [],
    };
  },
};

const answers: QuestionFormat<{ readonly answers: readonly string[]; readonly image: string }> = {
  form: 'a list of { "question_id", "answers" }',
  read(entry, { id, wrong }) {
    const given = [firstOf(entry, ['answers', 'answer', 'label', 'truth'])].flat();
    if (given.length === 0 || !given.every((one) => typeof one === 'string'))
      return wrong('a text, or several, in "answers"', given);
    return { answers: given as string[], image: imageOf(entry, id) };
  },
};
