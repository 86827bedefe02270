/** What the text rules make of every character there is (they come with Node, and grow with it), and of a fixed text in tokens. */
import { createHash } from 'node:crypto';
import { learnTokenizer } from '@triptych/datasets';

/** Of 65,536 characters each: those that have, or will get, characters with properties. */
const PLANES = [0, 1, 2, 3, 14];
const BLOCK = 0x1000;
/** What the tokenizers ask of a character. */
const CLASSES = [/\p{L}/gu, /\p{N}/gu, /\p{Nd}/gu, /\p{M}/gu, /\p{P}/gu, /\p{White_Space}/gu, /\s/gu];

/** Accents written apart and together, full width, a ligature, three scripts, an emoji of several characters. */
const TEXT =
  'Cafe\u0301 CAF\u00c9, \uff21\uff22\uff23 \ufb01ne; \u0130stanbul \u03a3\u03af\u03c3\u03c5\u03c6\u03bf\u03c2 \u6771\u4eac 42\u00bd \u{1f469}\u200d\u{1f680}!';

export function textCanary(): string {
  const hash = createHash('sha256');
  for (const block of blocks()) {
    for (const form of ['NFC', 'NFKC'] as const) hash.update(block.normalize(form));
    hash.update(block.toLowerCase());
    for (const kind of CLASSES) hash.update(block.match(kind)?.join('') ?? '');
  }
  const tokenizer = learnTokenizer([TEXT, TEXT.toLowerCase()], { vocabSize: 300 });
  for (const form of ['NFC', 'NFD', 'NFKC'] as const)
    hash.update(JSON.stringify([...tokenizer.encode(TEXT.normalize(form))]));
  return hash.digest('hex');
}

/** Spaces between, so that no character joins with the one before it. */
function* blocks(): Generator<string> {
  for (const plane of PLANES)
    for (let block = 0; block < 16; block++) {
      const start = 0x10000 * plane + BLOCK * block;
      const characters = Array.from({ length: BLOCK }, (_, i) => start + i).filter((one) => !isHalf(one));
      yield characters.map((one) => String.fromCodePoint(one)).join(' ');
    }
}

/** Of a surrogate pair: no character. */
const isHalf = (point: number): boolean => point >= 0xd800 && point < 0xe000;
