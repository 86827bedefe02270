/** Answers that are a right one, letter by letter, once both are normalised. */
import { normaliseAnswer } from '../vqa/normalise-answer.ts';

export interface ExactAnswer {
  readonly prediction: string;
  /** Any of them is right; at least one. */
  readonly answers: readonly string[];
}

/** For each answer 1 where it is right, 0 where not. `normalise`: that of VQA where left out. */
export const exactMatches = (
  asked: readonly ExactAnswer[],
  normalise: (answer: string) => string = normaliseAnswer,
): Float64Array =>
  Float64Array.from(asked, ({ prediction, answers }) => {
    const given = normalise(prediction);
    return answers.some((answer) => normalise(answer) === given) ? 1 : 0;
  });
