/** What a model that writes is to go on with, from what was asked. */
import { IMAGE_TAG } from '@triptych/datasets';
import type { Prompt, TextLimits } from '@triptych/models';
import type { PredictionTask, TaskOf } from '@triptych/protocol';

type Written = TaskOf<'caption' | 'answer' | 'chat'>;
type Pictures = readonly Uint8Array[];

export const openCaption = (picture: Uint8Array): Prompt => ({
  content: { kind: 'captions', texts: [] },
  pictures: [picture],
  shots: [],
});

export const openQuestion = (question: string, pictures: Pictures): Prompt => ({
  content: { kind: 'question', question, answers: [] },
  pictures,
  shots: [],
});

/** `pictures` by position. */
export function promptOf(task: Written, pictures: Pictures): Prompt {
  const shown = (positions: readonly number[] = []) => positions.map((at) => pictures[at]!);
  switch (task.kind) {
    case 'caption':
      return {
        ...openCaption(pictures[task.image]!),
        shots: (task.shots ?? []).map(({ image, caption }) => ({
          content: { kind: 'captions', texts: [caption] },
          pictures: shown([image]),
        })),
      };
    case 'answer':
      return {
        ...openQuestion(task.question, shown(task.images)),
        shots: (task.shots ?? []).map(({ images, question, answer }) => ({
          content: { kind: 'question', question, answers: [answer] },
          pictures: shown(images),
        })),
      };
    case 'chat':
      return {
        content: { kind: 'conversation', turns: task.messages.map(turnOf) },
        pictures: shown(task.messages.flatMap(({ images = [] }) => images)),
        shots: [],
      };
  }
}

/** Pictures that the text does not place come first, each on a line of its own. */
function turnOf({ role, text, images = [] }: TaskOf<'chat'>['messages'][number]) {
  const placed = text.includes(IMAGE_TAG);
  return { role, text: placed ? text : `${`${IMAGE_TAG}\n`.repeat(images.length)}${text}` };
}

/**
 * Greedy, so that it can be streamed, and as long as each kind of text needs at most. Where that is not asked for, a quarter of
 * the model's context is enough: the rest is for the prompt.
 */
export function limitsOf(task: Written, contextLength: number): TextLimits {
  const maxNewTokens = Math.max(1, Math.min(newTokens[task.kind], Math.floor(contextLength / 4)));
  return { maxNewTokens, beams: 1, temperature: 0, topP: 1, seed: 0, lengthPenalty: 1, ...task.limits };
}

const newTokens: Readonly<Record<Written['kind'], number>> = { caption: 40, answer: 40, chat: 256 };

export const isWritten = (task: PredictionTask): task is Written =>
  task.kind === 'caption' || task.kind === 'answer' || task.kind === 'chat';
