/** Instruction following: every answer of the assistant in a conversation, generated after the true turns before it. */
import { captionTokens, normaliseAnswer, rougeL } from '@triptych/scoring';
import type { EvaluationSample, Task } from './task.ts';
import { blindGuess } from './vqa.ts';

const limits = { maxNewTokens: 48, beams: 1, temperature: 0, topP: 1, seed: 0, lengthPenalty: 0 };

export const instructionTask: Task = {
  name: 'instruction',
  description: 'Answers in conversations about images: equal to the true ones, and ROUGE-L',
  needs: 'generate',
  check: ({ split, contents }) =>
    contents.conversation > 0
      ? undefined
      : {
          expected: `conversations in split "${split}" for "instruction"`,
          actual: 'none',
          remedy: 'leave "instruction" out, or register a dataset with conversations',
        },
  isDefault: () => true,
  async run({ samples, generate }) {
    const asked = samples.flatMap(answersOf);
    if (asked.length === 0 || !generate) return { scores: [], samples: 0 };
    const prompts = asked.map(({ sample, turns }) => ({
      content: { kind: 'conversation' as const, turns },
      sample,
      shots: [],
    }));
    const texts = (await generate(prompts, limits)).map((text) => text.trim());
    const truths = asked.map(({ answer }) => normaliseAnswer(answer));
    const right = texts.filter((text, i) => normaliseAnswer(text) === truths[i]).length;
    const answers = captionTokens(asked.map(({ answer }) => answer));
    const pairs = captionTokens(texts).map((hypothesis, i) => ({ hypothesis, references: [answers[i]!] }));
    const requests = asked.map(({ turns }) => (turns.at(-1)?.text ?? '').replaceAll('<image>', '').trim());
    return {
      samples: samples.length,
      scores: [
        {
          metric: 'exact_match',
          value: right / asked.length,
          unit: 'ratio',
          chance: blindGuess(requests, truths),
        },
        { metric: 'rouge_l', value: rougeL(pairs).corpus, unit: 'ratio' },
      ],
      predictions: asked.map(({ sample, answer }, i) => ({
        id: sample.id,
        prompt: requests[i]!,
        prediction: texts[i]!,
        truth: [answer],
      })),
    };
  },
};

function answersOf(sample: EvaluationSample) {
  const { content } = sample;
  if (content.kind !== 'conversation') return [];
  return content.turns.flatMap(({ role, text }, i) => {
    if (role !== 'assistant') return [];
    const turns = content.turns.slice(0, i);
    // Pictures that a later turn shows are not there yet.
    const images = turns.reduce((sum, turn) => sum + turn.text.split('<image>').length - 1, 0);
    return [{ sample: { ...sample, images }, turns, answer: text }];
  });
}
