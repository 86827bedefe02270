import { expect, test } from 'vitest';
import { ClipTokenizer } from './clip-tokenizer.ts';
import { clipVocabularyOf } from './clip-tokenizer-json.ts';

const learnt = ClipTokenizer.train(['a red square and a red circle', 'two red squares'], 600);
const files = learnt.files();
const START = 598;

/** As transformers 5 saves the same tokenizer. */
function tokenizerJson(change: (json: ReturnType<typeof whole>) => void = () => {}): string {
  const json = whole();
  change(json);
  return JSON.stringify(json);
}
const whole = () => ({
  added_tokens: [
    { id: START, content: '<|startoftext|>', special: true },
    { id: START + 1, content: '<|endoftext|>', special: true },
  ],
  normalizer: {
    type: 'Sequence',
    normalizers: [
      { type: 'NFC' },
      { type: 'Replace', pattern: { Regex: '\\s+' }, content: ' ' },
      { type: 'Lowercase' },
    ] as { type: string }[],
  },
  pre_tokenizer: {
    type: 'Sequence',
    pretokenizers: [
      {
        type: 'Split',
        pattern: {
          Regex:
            "<\\|startoftext\\|>|<\\|endoftext\\|>|'s|'t|'re|'ve|'m|'ll|'d|[\\p{L}]+|[\\p{N}]|[^\\s\\p{L}\\p{N}]+",
        },
        behavior: 'Removed',
        invert: true,
      },
      { type: 'ByteLevel', add_prefix_space: false },
    ],
  },
  model: {
    type: 'BPE',
    end_of_word_suffix: '</w>',
    continuing_subword_prefix: '',
    byte_fallback: false,
    vocab: JSON.parse(files['vocab.json']!) as Record<string, number>,
    merges: files['merges.txt']!.trim()
      .split('\n')
      .slice(1)
      .map((merge): string | string[] => merge.split(' ')),
  },
});

test('the vocabulary of tokenizer.json gives the ids of vocab.json and merges.txt', () => {
  const again = ClipTokenizer.fromFiles(clipVocabularyOf(tokenizerJson()));
  expect(again.vocabSize).toBe(600);
  for (const text of ['a red square', 'Two RED circles, and 3 more!'])
    expect([...again.encode(text, 24)]).toEqual([...learnt.encode(text, 24)]);
  expect(again.files()).toEqual(files);
});

test('merges may be one text each, and the special tokens may stand outside the vocabulary', () => {
  const text = tokenizerJson((json) => {
    json.model.merges = json.model.merges.map((pair) => (pair as string[]).join(' '));
    delete json.model.vocab['<|startoftext|>'];
  });
  expect(ClipTokenizer.fromFiles(clipVocabularyOf(text)).files()).toEqual(files);
});

test.each<[string, (json: ReturnType<typeof whole>) => void]>([
  ['/model/type', (json) => (json.model.type = 'WordPiece')],
  ['/model/end_of_word_suffix', (json) => (json.model.end_of_word_suffix = '')],
  ['/normalizer/normalizers/2/type', (json) => json.normalizer.normalizers.pop()],
  ['/added_tokens/2/content', (json) => json.added_tokens.push({ id: 600, content: '<new>', special: true })],
  [
    '/pre_tokenizer/pretokenizers/0/pattern/Regex',
    (json) => (json.pre_tokenizer.pretokenizers[0]!.pattern!.Regex = '\\w+'),
  ],
  ['/model/merges', (json) => json.model.merges.push('a b c')],
])('another %s is refused by its name', (path, change) => {
  expect(() => clipVocabularyOf(tokenizerJson(change))).toThrow(
    expect.objectContaining({
      code: 'MODEL_INVALID',
      violations: [expect.objectContaining({ path: `/tokenizer.json${path}` })],
    }),
  );
});
