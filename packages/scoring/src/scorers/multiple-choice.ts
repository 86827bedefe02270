/** Multiple choice, as ScienceQA has it: the letter of an answer. */
import { chosenIndex } from '../answers/multiple-choice.ts';
import { ProblemLog } from '../files/problems.ts';
import { answeredQuestions, type QuestionFormat } from '../files/questions.ts';
import { metricCards, named } from '../metrics.ts';
import { eachAlone, mean, meanOfSamples, samplesByName } from '../score.ts';
import type { Scorer } from './scorer.ts';

export const multipleChoiceScorer: Scorer = {
  name: 'multiple-choice',
  description: 'the letter of an answer, as for ScienceQA: accuracy, overall and by subject',
  files: [
    { role: 'predictions', form: 'a list, or a line for each, of { "question_id", "text" }' },
    {
      role: 'references',
      form: 'ScienceQA\'s problems.json, an object from ids to { "choices", "answer": index, "subject" }, of the split that was predicted; or a list of these with "question_id"',
    },
  ],
  metrics: metricCards('accuracy'),
  score(files, { missing }) {
    const { ids, asked } = answeredQuestions(files, { format: choices, missing, problems: new ProblemLog() });
    const found = asked.map(({ prediction, choices }) => chosenIndex(prediction, choices));
    const accuracy = {
      ...named('accuracy'),
      ids,
      values: Float64Array.from(found, (index, i) => (index === asked[i]!.answer ? 1 : 0)),
      clusters: eachAlone(asked.length),
    };
    const unread = found.filter((index) => index === undefined).length;
    return {
      statistics: [
        meanOfSamples({ ...accuracy, chance: mean(asked.map((one) => 1 / one.choices)) }),
        ...[...samplesByName(asked.map(({ subject }) => subject))].map(([name, among]) =>
          meanOfSamples({ ...accuracy, among, group: { by: 'subject', name } }),
        ),
      ],
      clusters: { what: 'question', count: asked.length },
      notes: unread > 0 ? [`${unread} of ${asked.length} answers name no choice, and count as wrong`] : [],
    };
  },
};

interface Choices {
  readonly choices: number;
  /** The index of the right one. */
  readonly answer: number;
  readonly subject: string | undefined;
}

const choices: QuestionFormat<Choices> = {
  form: 'an object from ids to { "choices", "answer" }',
  read({ choices, answer, subject }, { wrong }) {
    if (!Array.isArray(choices) || choices.length === 0 || choices.length > 5)
      return wrong('one to five "choices"', choices);
    if (!Number.isInteger(answer) || (answer as number) < 0 || (answer as number) >= choices.length)
      return wrong(`"answer": the index of one of ${choices.length} choices`, answer);
    return {
      choices: choices.length,
      answer: answer as number,
      subject: typeof subject === 'string' ? subject : undefined,
    };
  },
};
