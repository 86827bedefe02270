import { expect, test } from 'vitest';
import type { Content, Turn } from './content.ts';
import { sampleFault } from './sample.ts';

const images = (count: number) => Array.from({ length: count }, (_, n) => ({ path: `${n}.png` }));
const turns = (...all: string[]): Content => ({
  kind: 'conversation',
  turns: all.map((one): Turn => {
    const [role, text] = one.split(':') as [Turn['role'], string];
    return { role, text };
  }),
});

test.each<[string, number, Content]>([
  ['captions', 1, { kind: 'captions', texts: ['a', 'b'] }],
  ['interleaved', 2, { kind: 'interleaved', parts: ['a', { image: 1 }, { image: 0 }, 'b'] }],
  ['text alone', 0, { kind: 'interleaved', parts: ['a'] }],
  ['question', 1, { kind: 'question', question: 'q', answers: ['a', 'a'] }],
  ['conversation', 2, turns('system:be good', 'user:<image> and <image>?', 'assistant:yes')],
])('%s is sound', (_, count, content) => {
  expect(sampleFault({ images: images(count), content })).toBeUndefined();
});

test.each<[string, number, Content]>([
  ['one image, here are 2', 2, { kind: 'captions', texts: ['a'] }],
  ['no caption', 1, { kind: 'captions', texts: [] }],
  ['an empty caption', 1, { kind: 'captions', texts: ['a', ' '] }],
  ['image 2 of 2', 2, { kind: 'interleaved', parts: ['a', { image: 0 }, { image: 2 }] }],
  ['does not show', 2, { kind: 'interleaved', parts: ['a', { image: 0 }] }],
  ['without text', 1, { kind: 'interleaved', parts: [{ image: 0 }, ' '] }],
  ['an empty question', 1, { kind: 'question', question: '', answers: ['a'] }],
  ['no answer', 1, { kind: 'question', question: 'q', answers: [] }],
  ['turn 2 is of "user"', 0, turns('user:a', 'user:b')],
  ['turn 1 is of "assistant"', 0, turns('assistant:a', 'user:b')],
  ['no answer of the assistant', 0, turns('user:a')],
  ['turn 2 is empty', 0, turns('user:a', 'assistant: ')],
  ['1 times <image> for 0 images', 0, turns('user:<image>a', 'assistant:b')],
  ['0 times <image> for 1 images', 1, turns('user:a', 'assistant:b')],
])('%s', (fault, count, content) => {
  expect(sampleFault({ images: images(count), content })).toContain(fault);
});
