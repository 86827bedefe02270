/** Answers to questions about images: their normalisation, and the accuracy against ten people's. */
import {
  type HumanAnswer,
  normaliseWords,
  roundedPercent,
  stripPunctuation,
  type VqaAccuracy,
  vqaAccuracy,
} from '@triptych/scoring';
import { recordOf } from '../case-tolerance.ts';
import { exact, numbers } from '../check.ts';
import type { ParityKind } from '../kind.ts';
import type { Check } from '../launch/check.ts';

interface Question {
  readonly question_id: number;
  readonly question_type?: string;
  readonly answer_type?: string;
  readonly answers: readonly HumanAnswer[];
  readonly prediction: string;
}

interface Normalisation {
  readonly answer: string;
  readonly afterPunctuation: string;
  readonly normalised: string;
}

interface Accuracies {
  readonly overall: number;
  readonly perQuestionType?: Readonly<Record<string, number>>;
  readonly perAnswerType?: Readonly<Record<string, number>>;
  readonly perQuestion?: Readonly<Record<string, number>>;
}

interface Result {
  readonly name: string;
  readonly group: string;
  readonly keys: readonly string[];
  readonly values: readonly number[];
}

export const vqa: ParityKind = {
  name: 'vqa',
  recognises: (golden) => golden.has('normalise.json') || golden.has('questions.json'),
  async check(golden) {
    const checks: Check[] = [];
    if (golden.has('normalise.json'))
      checks.push(...normalisation(golden.json('normalise.json') as Normalisation[]));
    if (!golden.has('questions.json')) return checks;
    const questions = golden.json('questions.json') as Question[];
    const accuracy = vqaAccuracy(
      questions.map(({ prediction, answers, question_type, answer_type }) => ({
        ...{ prediction, answers },
        ...(question_type !== undefined && { questionType: question_type }),
        ...(answer_type !== undefined && { answerType: answer_type }),
      })),
    );
    const { official, precise } = golden.json('expected.json') as {
      official?: Accuracies;
      precise?: Accuracies;
    };
    const stated = recordOf(golden.about['tolerance'])['precise'];
    const tolerance = { relative: 0, absolute: typeof stated === 'number' ? stated : 1e-8 };
    const own = ownOf(accuracy, questions);
    for (const result of official ? flattened(official) : []) {
      const rounded = own(result).map((value) => roundedPercent(value));
      checks.push(exact(`official ${result.name}`, rounded, result.values));
    }
    for (const result of precise ? flattened(precise) : [])
      checks.push(
        numbers(`precise ${result.name}`, { actual: own(result), expected: result.values, tolerance }),
      );
    return checks;
  },
};

const normalisation = (cases: readonly Normalisation[]): Check[] => [
  exact(
    'punctuation',
    cases.map(({ answer }) => stripPunctuation(answer)),
    cases.map(({ afterPunctuation }) => afterPunctuation),
  ),
  exact(
    'normalised',
    cases.map(({ answer }) => normaliseWords(stripPunctuation(answer))),
    cases.map(({ normalised }) => normalised),
  ),
];

/** Lists of numbers: overall, each type, and all questions in the order of the file. */
function flattened({ overall, ...groups }: Accuracies): Result[] {
  const { perQuestion = {}, ...types } = groups;
  return [
    { name: 'overall', group: 'overall', keys: [''], values: [overall] },
    ...Object.entries(types).flatMap(([group, values]) =>
      Object.entries(values as Record<string, number>).map(([type, value]) => {
        return { name: `${group} ${type}`, group, keys: [type], values: [value] };
      }),
    ),
    {
      name: 'perQuestion',
      group: 'perQuestion',
      keys: Object.keys(perQuestion),
      values: Object.values(perQuestion),
    },
  ];
}

/** Ours for the same keys; what we have none of is not a number. */
function ownOf(accuracy: VqaAccuracy, questions: readonly Question[]) {
  const groups: Readonly<Record<string, ReadonlyMap<string, number>>> = {
    overall: new Map([['', accuracy.overall]]),
    perAnswerType: accuracy.perAnswerType,
    perQuestionType: accuracy.perQuestionType,
    perQuestion: new Map(
      questions.map((question, i) => [`${question.question_id}`, accuracy.perQuestion[i]!]),
    ),
  };
  return ({ group, keys }: Result): number[] => keys.map((key) => groups[group]?.get(key) ?? Number.NaN);
}
