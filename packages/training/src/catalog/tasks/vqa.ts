/**
 * Visual question answering. Where people gave ten answers: the official VQA accuracy. Always: the share of answers that
 * are, once normalised, the one that most people gave. Chance is what the wording of the questions alone would yield.
 */
import { normaliseAnswer, vqaAccuracy } from '@triptych/scoring';
import { demonstrations } from './demonstrations.ts';
import type { EvaluationSample, Task } from './task.ts';

/** As OpenFlamingo answers, greedily. */
const limits = { maxNewTokens: 10, beams: 1, temperature: 0, topP: 1, seed: 0, lengthPenalty: 0 };

/** With fewer, an answer that everybody gave would not count as right. */
const OFFICIAL_ANSWERS = 10;

export const vqaTask: Task = {
  name: 'vqa',
  description: 'Answers to questions about images',
  needs: 'generate',
  check: ({ split, contents }) =>
    contents.question > 0
      ? undefined
      : {
          expected: `questions in split "${split}" for "vqa"`,
          actual: 'none',
          remedy: 'leave "vqa" out, or register a dataset with questions and answers',
        },
  isDefault: () => true,
  async run(context) {
    const samples = context.samples.filter(({ content }) => content.kind === 'question');
    if (samples.length === 0 || !context.generate) return { scores: [], samples: 0 };
    const shots = await demonstrations(context, samples);
    const asked = samples.map(questionOf);
    const prompts = samples.map((sample, i) => ({
      content: { ...asked[i]!, answers: [] },
      sample,
      shots: shots[i]!,
    }));
    const texts = (await context.generate(prompts, limits)).map((text) => text.trim());
    const truths = asked.map(({ answers }) => mostCommon(answers.map(normaliseAnswer)));
    const right = texts.filter((text, i) => normaliseAnswer(text) === truths[i]).length;
    const accuracy = {
      metric: 'accuracy',
      value: right / samples.length,
      unit: 'ratio' as const,
      chance: blindGuess(
        asked.map(({ question }) => question),
        truths,
      ),
    };
    const official = asked.every(({ answers }) => answers.length >= OFFICIAL_ANSWERS)
      ? [
          {
            metric: 'vqa_accuracy',
            value: vqaAccuracy(asked.map((one, i) => judged(one.answers, texts[i]!))).overall / 100,
            unit: 'ratio' as const,
          },
        ]
      : [];
    return {
      samples: samples.length,
      scores: [accuracy, ...official],
      predictions: samples.map(({ id }, i) => ({
        id,
        prompt: asked[i]!.question,
        prediction: texts[i]!,
        truth: asked[i]!.answers,
      })),
    };
  },
};

function questionOf({ content }: EvaluationSample) {
  if (content.kind !== 'question') throw new RangeError('a question is expected');
  return content;
}

const judged = (answers: readonly string[], prediction: string) => ({
  prediction,
  answers: answers.map((answer, id) => ({ answer, answer_id: id })),
});

/** The share right of someone who knows for each beginning of a question (two words) its most frequent answer, and no picture. */
export function blindGuess(questions: readonly string[], truths: readonly string[]): number {
  const groups = new Map<string, string[]>();
  for (const [i, question] of questions.entries()) {
    const beginning = question.toLowerCase().split(/\s+/).slice(0, 2).join(' ');
    groups.set(beginning, [...(groups.get(beginning) ?? []), truths[i]!]);
  }
  let right = 0;
  for (const group of groups.values()) {
    const best = mostCommon(group);
    right += group.filter((one) => one === best).length;
  }
  return right / truths.length;
}

/** The first one where several are equally frequent. */
export function mostCommon(answers: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const answer of answers) counts.set(answer, (counts.get(answer) ?? 0) + 1);
  const most = Math.max(...counts.values());
  return [...counts].find(([, count]) => count === most)![0];
}
