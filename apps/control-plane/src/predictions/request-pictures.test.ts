import { MAX_PICTURE_BYTES } from '@triptych/protocol';
import { expect, test } from 'vitest';
import { takePictures } from './request-pictures.ts';

const bytes = Buffer.from([0xff, 0xd8, 0xff, 0x00, 0x3e, 0x3f, 0xfb]);

test('pictures leave their places to positions, in the order in which they stand', () => {
  const picture = (n: number) => Buffer.of(n).toString('base64');
  const { task, pictures, violations } = takePictures({
    kind: 'answer',
    question: 'image?',
    shots: [{ images: [picture(1), picture(2)], question: 'q', answer: 'a' }],
    images: [picture(3)],
    messages: [{ text: 'x', images: [picture(4)] }],
    image: picture(5),
  });
  expect(violations).toEqual([]);
  expect(task).toEqual({
    kind: 'answer',
    question: 'image?',
    shots: [{ images: [0, 1], question: 'q', answer: 'a' }],
    images: [2],
    messages: [{ text: 'x', images: [3] }],
    image: 4,
  });
  expect(pictures.map(({ path, content }) => [path, [...content]])).toEqual([
    ['/shots/0/images/0', [1]],
    ['/shots/0/images/1', [2]],
    ['/images/0', [3]],
    ['/messages/0/images/0', [4]],
    ['/image', [5]],
  ]);
});

test.each([
  ['base64', bytes.toString('base64')],
  ['of the URL alphabet, without padding', bytes.toString('base64url')],
  ['with line ends', `${bytes.toString('base64').slice(0, 4)}\r\n${bytes.toString('base64').slice(4)}\n`],
  ['in a data: URI', `data:image/jpeg;base64,${bytes.toString('base64')}`],
])('%s is read', (_, image) => {
  const { pictures, violations } = takePictures({ image });
  expect(violations).toEqual([]);
  expect(pictures[0]?.content).toEqual(bytes);
});

// One wrong character at each place of a group of four, and lengths that no bytes have.
test.each(['*AAA', 'A*AA', 'AA*A', 'AAA*', 'AAAA*', 'AAAAA', 'AAAA*A', 'AAAAA*A', 'a b*', 'no!!picture'])(
  '%s is refused and not read as something else',
  (image) => {
    expect(takePictures({ image }).violations).toEqual([
      expect.objectContaining({ path: '/image', actual: expect.stringContaining('not base64') }),
    ]);
  },
);

test('addresses, other data: URIs, emptiness and too much are refused, all at once', () => {
  const { violations } = takePictures({
    images: [
      'https://example.org/cat.png',
      'data:image/svg+xml,<svg/>',
      'data:image/png;base64,',
      Buffer.alloc(MAX_PICTURE_BYTES + 3).toString('base64'),
      Buffer.alloc(MAX_PICTURE_BYTES).toString('base64'),
    ],
  });
  expect(violations.map(({ path, actual }) => [path, actual])).toEqual([
    ['/images/0', expect.stringContaining('address')],
    ['/images/1', expect.stringContaining('without base64')],
    ['/images/2', 'no bytes'],
    ['/images/3', '8.0 MiB'],
  ]);
});

test('seventeen pictures are too many', () => {
  const shots = Array.from({ length: 16 }, () => ({ image: 'AAAA', caption: 'c' }));
  expect(takePictures({ image: 'AAAA', shots: shots.slice(1) }).violations).toEqual([]);
  expect(takePictures({ image: 'AAAA', shots }).violations).toEqual([
    expect.objectContaining({ path: '', actual: '17' }),
  ]);
});
