/**
 * CLIP's vocabulary out of a `tokenizer.json`, the one tokenizer file that transformers 5 writes, as the two files that
 * `ClipTokenizer` reads. A tokenizer that splits or normalises text in another way is refused by the name of the field.
 */
import { show, TriptychError, type Violation } from '@triptych/protocol';

export type ClipVocabularyFiles = { readonly 'vocab.json': string; readonly 'merges.txt': string };

/** @throws TriptychError MODEL_INVALID with every field that is another than CLIP's. */
export function clipVocabularyOf(tokenizerJson: string): ClipVocabularyFiles {
  const json = parsed(tokenizerJson);
  const model = record(json['model']);
  const vocabulary = record(model['vocab']);
  const merges = Array.isArray(model['merges']) ? model['merges'].map(mergeOf) : undefined;
  const violations = [
    ...fixed(json),
    ...addedTokens(json['added_tokens'], vocabulary),
    ...(Object.keys(vocabulary).length > 0
      ? []
      : [wrong('/model/vocab', 'tokens with their ids', model['vocab'])]),
    ...(merges && !merges.includes(undefined)
      ? []
      : [wrong('/model/merges', 'pairs of symbols', model['merges'])]),
  ];
  if (violations.length > 0) throw refused(violations);
  return {
    'vocab.json': JSON.stringify(vocabulary),
    'merges.txt': `${['#version: 0.2', ...merges!].join('\n')}\n`,
  };
}

/** What CLIP's own file has at these places; absent is as good where an alternative is undefined. */
const expected: readonly (readonly [path: string, ...alternatives: unknown[]])[] = [
  ['/model/type', 'BPE', undefined],
  ['/model/end_of_word_suffix', '</w>'],
  ['/model/continuing_subword_prefix', '', null, undefined],
  ['/model/byte_fallback', false, undefined],
  ['/model/ignore_merges', false, undefined],
  ['/model/dropout', null, undefined],
  ['/normalizer/type', 'Sequence'],
  ['/normalizer/normalizers/0/type', 'NFC'],
  ['/normalizer/normalizers/1/type', 'Replace'],
  ['/normalizer/normalizers/1/content', ' '],
  ['/normalizer/normalizers/2/type', 'Lowercase'],
  ['/normalizer/normalizers/3', undefined],
  ['/pre_tokenizer/type', 'Sequence'],
  ['/pre_tokenizer/pretokenizers/0/type', 'Split'],
  ['/pre_tokenizer/pretokenizers/0/invert', true],
  ['/pre_tokenizer/pretokenizers/1/type', 'ByteLevel'],
  ['/pre_tokenizer/pretokenizers/1/add_prefix_space', false],
  ['/pre_tokenizer/pretokenizers/2', undefined],
];

/** Its two spellings: with and without the special tokens, and with brackets around single classes. */
const words =
  /^(<\\\|startoftext\\\|>\|<\\\|endoftext\\\|>\|)?'s\|'t\|'re\|'ve\|'m\|'ll\|'d\|\[?\\p\{L\}\]?\+\|\[?\\p\{N\}\]?\|\[\^\\s\\p\{L\}\\p\{N\}\]\+$/;

function fixed(json: Record<string, unknown>): Violation[] {
  const violations = expected
    .filter(([path, ...alternatives]) => !alternatives.includes(at(json, path)))
    .map(([path, first]) => wrong(path, show(first), at(json, path)));
  const pattern = '/pre_tokenizer/pretokenizers/0/pattern/Regex';
  const regex = at(json, pattern);
  if (typeof regex !== 'string' || !words.test(regex))
    violations.push(wrong(pattern, "CLIP's pattern of words", regex));
  return violations;
}

/** The two that CLIP has, which are in the vocabulary too. */
function addedTokens(tokens: unknown, vocabulary: Record<string, unknown>): Violation[] {
  return (Array.isArray(tokens) ? tokens : []).flatMap((token, i) => {
    const { content, id } = record(token);
    if (typeof content !== 'string') return [wrong(`/added_tokens/${i}/content`, 'text', content)];
    if (vocabulary[content] === undefined) vocabulary[content] = id;
    if (vocabulary[content] !== id) return [wrong(`/added_tokens/${i}/id`, show(vocabulary[content]), id)];
    const known = content === '<|startoftext|>' || content === '<|endoftext|>';
    return known ? [] : [wrong(`/added_tokens/${i}/content`, 'no token besides start and end', content)];
  });
}

/** A pair, or both in one text. */
function mergeOf(merge: unknown): string | undefined {
  const pair = typeof merge === 'string' ? merge.split(' ') : merge;
  return Array.isArray(pair) &&
    pair.length === 2 &&
    pair.every((part) => typeof part === 'string' && !/\s/.test(part))
    ? pair.join(' ')
    : undefined;
}

function parsed(text: string): Record<string, unknown> {
  try {
    return record(JSON.parse(text));
  } catch (cause) {
    throw new TriptychError('MODEL_INVALID', 'tokenizer.json is not JSON', { cause });
  }
}

const at = (json: unknown, path: string): unknown =>
  path
    .split('/')
    .slice(1)
    .reduce<unknown>((value, key) => (value as Record<string, unknown> | null | undefined)?.[key], json);

const record = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};

const wrong = (path: string, what: string, actual: unknown): Violation => ({
  path: `/tokenizer.json${path}`,
  expected: what,
  actual: show(actual),
  remedy: "use CLIP's own tokenizer",
});

function refused(violations: readonly Violation[]): TriptychError {
  const lines = violations.map(
    ({ path, ...one }) => `${path.slice(1)}: expected ${one.expected}, got ${one.actual}`,
  );
  return new TriptychError(
    'MODEL_INVALID',
    `The tokenizer is not one of CLIP: ${lines.slice(0, 5).join(' | ')}${lines.length > 5 ? ` | and ${lines.length - 5} more` : ''}`,
    { violations },
  );
}
