/** Answers to questions about images, by the official VQA accuracy. */
import { matched } from '../files/predicted-texts.ts';
import { ProblemLog } from '../files/problems.ts';
import { answeredQuestions, imageOf, type QuestionFormat, readQuestions } from '../files/questions.ts';
import { isObject, type ScoreFile } from '../files/score-file.ts';
import { metricCards, named } from '../metrics.ts';
import { type Clusters, clustersOf, meanOfSamples, type Statistic, samplesByName } from '../score.ts';
import { type AnsweredQuestion, type HumanAnswer, vqaAccuracy } from '../vqa/vqa-accuracy.ts';
import type { Scorer } from './scorer.ts';

export const vqaScorer: Scorer = {
  name: 'vqa',
  description: 'answers to questions about images: the official VQA accuracy, overall and by type',
  files: [
    { role: 'predictions', form: '[{ "question_id", "answer" }]' },
    {
      role: 'references',
      form: 'VQA annotations ({ "annotations": [{ "question_id", "image_id", "answers", ... }] })',
    },
    {
      role: 'questions',
      form: 'VQA questions ({ "questions": [...] }): their ids must be those of the annotations',
      optional: true,
    },
  ],
  metrics: metricCards('vqa_accuracy'),
  score(files, { missing }) {
    const problems = new ProblemLog();
    if (files.questions) checkQuestions({ ...files, questions: files.questions }, problems);
    const { ids, asked } = answeredQuestions(files, { format: annotations, missing, problems });
    const clusters = clustersOf(asked.map(({ image }) => image));
    return {
      statistics: vqaStatistics({ ids, asked, clusters }),
      clusters: { what: 'image', count: clusters.count },
      notes: [],
    };
  },
};

/** Annotations and questions of different splits would score all the same, and wrongly. */
function checkQuestions(
  { references, questions }: { readonly references: ScoreFile; readonly questions: ScoreFile },
  problems: ProblemLog,
): void {
  const form = '[{ "question_id", "question" }]';
  const { ids } = readQuestions(questions, { list: 'questions', form, read: (entry) => entry }, problems);
  // What is wrong with the annotations is reported where they are read to be scored.
  const answered = readQuestions(references, annotations, new ProblemLog()).ids;
  matched(
    new Map(answered.map((id) => [id, ''])),
    { what: 'question', ids, missing: 'refuse', predictions: references, references: questions },
    problems,
  );
}

const annotations: QuestionFormat<Omit<AnsweredQuestion, 'prediction'> & { readonly image: string }> = {
  list: 'annotations',
  form: 'a list of VQA annotations',
  read(entry, { id, wrong }) {
    const { answers, question_type, answer_type } = entry;
    if (!Array.isArray(answers) || answers.length === 0)
      return wrong('the answers of people in "answers"', answers);
    const odd = answers.find((one) => !isObject(one) || typeof one['answer'] !== 'string');
    if (odd !== undefined) return wrong('answers with a text in "answer"', odd);
    return {
      image: imageOf(entry, id),
      answers: answers as HumanAnswer[],
      ...(typeof question_type === 'string' && { questionType: question_type }),
      ...(typeof answer_type === 'string' && { answerType: answer_type }),
    };
  },
};

interface VqaSet {
  readonly ids: readonly string[];
  readonly asked: readonly AnsweredQuestion[];
  readonly clusters: Clusters;
}

/** Overall, then each answer type, then each question type. */
export function vqaStatistics({ ids, asked, clusters }: VqaSet): Statistic[] {
  const values = vqaAccuracy(asked).perQuestion.map((percent) => percent / 100);
  const accuracy = { ...named('vqa_accuracy'), ids, values, clusters };
  const by = (what: string, typeOf: (question: AnsweredQuestion) => string | undefined) =>
    [...samplesByName(asked.map(typeOf))].map(([name, among]) =>
      meanOfSamples({ ...accuracy, among, group: { by: what, name } }),
    );
  return [
    meanOfSamples(accuracy),
    ...by('answer type', ({ answerType }) => answerType),
    ...by('question type', ({ questionType }) => questionType),
  ];
}
