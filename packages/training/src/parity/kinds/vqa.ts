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
    const own = named(accuracy, questions);
    for (const [name, expected] of official ? flattened(official) : []) {
      const rounded = own(name).map((value) => roundedPercent(value));
      checks.push(exact(`official ${name}`, rounded, expected));
    }
    for (const [name, expected] of precise ? flattened(precise) : [])
      checks.push(numbers(`precise ${name}`, { actual: own(name), expected, tolerance }));
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

/** One list of numbers for each name. */
function flattened({ overall, ...groups }: Accuracies): [name: string, values: number[]][] {
  const { perQuestion, ...types } = groups;
  return [
    ['overall', [overall]],
    ...Object.entries(types).flatMap(([group, values]) =>
      Object.entries(values as Record<string, number>).map(([type, value]): [string, number[]] => [
        `${group}/${type}`,
        [value],
      ]),
    ),
    ...(perQuestion ? [['perQuestion', Object.values(perQuestion)] as [string, number[]]] : []),
  ];
}

function named(accuracy: VqaAccuracy, questions: readonly Question[]) {
  // JSON objects list whole numbers in ascending order.
  const order = [...questions.keys()].sort((a, b) => questions[a]!.question_id - questions[b]!.question_id);
  return (name: string): number[] => {
    if (name === 'overall') return [accuracy.overall];
    if (name === 'perQuestion') return order.map((i) => accuracy.perQuestion[i]!);
    const [group, ...type] = name.split('/');
    const values = group === 'perAnswerType' ? accuracy.perAnswerType : accuracy.perQuestionType;
    return [values.get(type.join('/')) ?? Number.NaN];
  };
}
