/** Accuracy of answers about images against several people's, as the official VQA evaluation (vqaEval.py) counts it. */
import { strip } from '../white-space.ts';
import { normaliseAnswer } from './normalise-answer.ts';

/** One person's answer. Two count as the same person's if all their fields are equal: give ids. */
export interface HumanAnswer {
  readonly answer: string;
  readonly [field: string]: unknown;
}

export interface AnsweredQuestion {
  readonly prediction: string;
  /** At least one; ten in VQA. */
  readonly answers: readonly HumanAnswer[];
  /** "how many", "is the", ... */
  readonly questionType?: string;
  /** "yes/no", "number", "other". */
  readonly answerType?: string;
}

/** In percent, not rounded ({@link roundedPercent} rounds as the official evaluation does). */
export interface VqaAccuracy {
  readonly overall: number;
  /** Questions without a type are in none of them. */
  readonly perAnswerType: ReadonlyMap<string, number>;
  readonly perQuestionType: ReadonlyMap<string, number>;
  /** In the order given. */
  readonly perQuestion: readonly number[];
}

export function vqaAccuracy(questions: readonly AnsweredQuestion[]): VqaAccuracy {
  if (questions.length === 0) throw new RangeError('VQA accuracy needs at least one question');
  const shares = questions.map(shareOfQuestion);
  return {
    overall: percent(shares),
    perAnswerType: percentByType(shares, (index) => questions[index]!.answerType),
    perQuestionType: percentByType(shares, (index) => questions[index]!.questionType),
    perQuestion: shares.map((share) => 100 * share),
  };
}

/** Mean over the people of min(1, matches among the others / 3). */
function shareOfQuestion({ prediction, answers }: AnsweredQuestion, index: number): number {
  if (answers.length === 0) throw new RangeError(`question ${index} has no answer to compare with`);
  const trimmed = answers.map(({ answer }) => trim(answer));
  // People who all agree are compared as they are, case and punctuation included.
  const normalise = new Set(trimmed).size > 1 ? normaliseAnswer : (answer: string) => answer;
  const given = trimmed.map(normalise);
  const predicted = normalise(trim(prediction));
  const people = answers.map((answer, person) => recordKey({ ...answer, answer: given[person]! }));
  const accuracies = people.map((person) => {
    const matches = given.filter((answer, other) => people[other] !== person && answer === predicted).length;
    return Math.min(1, matches / 3);
  });
  return sum(accuracies) / accuracies.length;
}

const trim = (answer: string): string => strip(answer.replace(/[\n\t]/g, ' '));

const recordKey = (record: HumanAnswer): string =>
  JSON.stringify(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)));

function percentByType(
  shares: readonly number[],
  typeOf: (index: number) => string | undefined,
): ReadonlyMap<string, number> {
  const groups = new Map<string, number[]>();
  for (const [index, share] of shares.entries()) {
    const type = typeOf(index);
    if (type === undefined) continue;
    const group = groups.get(type);
    if (group) group.push(share);
    else groups.set(type, [share]);
  }
  return new Map([...groups].map(([type, group]) => [type, percent(group)]));
}

const percent = (shares: readonly number[]): number => (100 * sum(shares)) / shares.length;

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/** Python's `round`: exact, and a tie goes to the even digit. */
export function roundedPercent(value: number, places = 2): number {
  // More digits than a float64 between 0 and 100 with a tie at up to 10 places can have.
  const digits = value.toFixed(60);
  const cut = digits.length - 60 + places;
  const even = Number(digits[cut - 1] === '.' ? digits[cut - 2] : digits[cut - 1]) % 2 === 0;
  const tie = /^50*$/.test(digits.slice(cut));
  return Number(tie && even ? digits.slice(0, cut) : value.toFixed(places));
}
