/** What a conversation must be before it is written as text: roles in order, images in place. Knows no template. */
import { TriptychError } from '@triptych/protocol';
import type { Turn } from '../../content.ts';
import { IMAGE_TAG } from '../../sample.ts';

/**
 * `as-given` leaves every `<image>` where it is. `front` is LLaVA's rule (preprocess_multimodal): the one image of a turn goes to its
 * front, on a line of its own; a turn with several images keeps them where they are.
 */
export type ImagePlacement = 'front' | 'as-given';

/**
 * The turns with images in place. `open`: the last turn is the user's, for an answer to be generated; otherwise the assistant's.
 * INVALID_INPUT with every turn that is not as it must be.
 */
export function checkTurns(
  turns: readonly Turn[],
  { open, placement }: { readonly open: boolean; readonly placement: ImagePlacement },
): Turn[] {
  const problems: string[] = [];
  const spoken = turns[0]?.role === 'system' ? turns.slice(1) : turns;
  const offset = turns.length - spoken.length;
  for (const [n, { role, text }] of spoken.entries()) {
    const expected = n % 2 === 0 ? 'user' : 'assistant';
    if (role !== expected) problems.push(`turn ${n + offset + 1}: expected ${expected}, got ${role}`);
    if (text.trim() === '') problems.push(`turn ${n + offset + 1}: expected a text, got an empty one`);
  }
  for (const [n, { role, text }] of turns.entries())
    if (role !== 'user' && text.includes(IMAGE_TAG))
      problems.push(`turn ${n + 1}: expected ${IMAGE_TAG} in user turns only, got it in the ${role}'s`);
  const last = open ? 'user' : 'assistant';
  if (spoken.length === 0 || spoken.at(-1)?.role !== last)
    problems.push(`the last turn: expected the ${last}'s, got ${spoken.at(-1)?.role ?? 'none'}`);
  if (problems.length > 0)
    throw new TriptychError(
      'INVALID_INPUT',
      `The conversation cannot be used: ${[...new Set(problems)].join(' | ')}; let user and assistant take turns, the user first`,
    );
  return turns.map((turn) =>
    placement === 'front' && turn.role === 'user' ? { ...turn, text: imageFirst(turn.text) } : turn,
  );
}

function imageFirst(text: string): string {
  const parts = text.split(IMAGE_TAG);
  return parts.length === 2 ? `${IMAGE_TAG}\n${parts.join('').trim()}`.trim() : text;
}

/** A question with its answer as a conversation, as in LLaVA's data: images first, then the question and how to answer it. */
export function questionTurns(at: {
  readonly question: string;
  readonly images: number;
  /** Absent: the conversation is open. */
  readonly answer?: string;
  /** Default: the suffix with which LLaVA asks for short answers. */
  readonly suffix?: string;
}): Turn[] {
  const text = `${`${IMAGE_TAG}\n`.repeat(at.images)}${at.question}${at.suffix ?? SHORT_ANSWER}`;
  const asked: Turn = { role: 'user', text };
  return at.answer === undefined ? [asked] : [asked, { role: 'assistant', text: at.answer }];
}

/** A caption as a conversation for the `plain` template. */
export const captionTurns = (caption: string): Turn[] => [
  { role: 'user', text: IMAGE_TAG },
  { role: 'assistant', text: caption },
];

/** LLaVA, docs/Evaluation.md. */
export const SHORT_ANSWER = '\nAnswer the question using a single word or phrase.';
export const OPTION_LETTER = "\nAnswer with the option's letter from the given choices directly.";
