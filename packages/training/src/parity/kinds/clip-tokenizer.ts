/** Texts to token ids by CLIP's byte-pair tokenizer. The vocabulary is not part of such a case. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ClipTokenizer } from '@triptych/datasets';
import type { GoldenCase } from '@triptych/nn';
import { TriptychError } from '@triptych/protocol';
import { recordOf } from '../case-tolerance.ts';
import type { KindOptions, ParityKind } from '../kind.ts';
import type { ExactCheck } from '../launch/check.ts';

interface Entry {
  readonly text: string;
  readonly ids: readonly number[];
}

/** OpenAI's vocabulary, as the tests of the tokenizer have it. */
const OWN_VOCABULARY = fileURLToPath(
  new URL('../../../../datasets/fixtures/clip-tokenizer', import.meta.url),
);

export const clipTokenizer: ParityKind = {
  name: 'clip-tokenizer',
  recognises(golden) {
    if (!golden.has('expected.json') || golden.has('inputs.json')) return false;
    const entries = golden.json('expected.json');
    return Array.isArray(entries) && entries.every((entry) => 'text' in entry && 'ids' in entry);
  },
  async check(golden, options) {
    const tokenizer = tokenizerOf(golden, options);
    const length = Number(recordOf(golden.about['config'])['contextLength'] ?? 77);
    const entries = golden.json('expected.json') as Entry[];
    const differing = entries.flatMap(({ text, ids }, i) =>
      sameIds(tokenizer.encode(text, length), ids) ? [] : [i],
    );
    return [idsCheck(entries.length, differing, golden)];
  },
};

/** Texts that need a repair which the case itself lets a tokenizer leave out are named, and do not count. */
function idsCheck(items: number, differing: readonly number[], { about }: GoldenCase): ExactCheck {
  const stated = about['ftfyMatters'];
  const optional = new Set(Array.isArray(stated) ? (stated as number[]) : []);
  const wrong = differing.filter((i) => !optional.has(i));
  const left = differing.filter((i) => optional.has(i));
  const notes = [
    wrong.length > 0 ? `texts ${wrong.join(', ')} differ` : '',
    left.length > 0 ? `texts ${left.join(', ')} need ftfy's repair of mojibake, which is not done` : '',
  ].filter((note) => note !== '');
  return {
    kind: 'exact',
    name: 'ids',
    items,
    different: differing.length,
    within: wrong.length === 0,
    ...(notes.length > 0 && { note: notes.join('; ') }),
  };
}

/** `expected`: start, tokens, end; the rest of the context is padding, which two kinds of tokenizers fill differently. */
function sameIds(actual: Int32Array, expected: readonly number[]): boolean {
  const end = expected.at(-1);
  return (
    expected.every((id, i) => id === actual[i]) && actual.subarray(expected.length).every((id) => id === end)
  );
}

function tokenizerOf(golden: GoldenCase, { vocabulary }: KindOptions): ClipTokenizer {
  const folders = vocabulary === undefined ? [golden.folder, OWN_VOCABULARY] : [vocabulary];
  const folder = folders.find(
    (one) => existsSync(join(one, 'vocab.json')) && existsSync(join(one, 'merges.txt')),
  );
  if (folder === undefined)
    throw new TriptychError(
      'INVALID_INPUT',
      `a vocabulary is needed: found no vocab.json and merges.txt in ${folders.join(' or ')}; give --vocabulary FOLDER`,
    );
  const read = (file: string) => readFileSync(join(folder, file), 'utf8');
  return ClipTokenizer.fromFiles({ 'vocab.json': read('vocab.json'), 'merges.txt': read('merges.txt') });
}
