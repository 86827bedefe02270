/** The tokenizer of a CLIP folder, from the files of either generation of transformers. Tensor-free. */
import { ClipTokenizer, clipVocabularyOf } from '@triptych/datasets';
import { TriptychError } from '@triptych/protocol';
import type { ClipConfig } from '../catalog/clip-config.ts';

/**
 * From `vocab.json` and `merges.txt`, or else from `tokenizer.json`.
 * @throws TriptychError MODEL_INVALID, also where a folder has both and they are two tokenizers.
 */
export function clipTokenizer(config: ClipConfig, files: Readonly<Record<string, string>>): ClipTokenizer {
  const { 'vocab.json': vocabulary, 'merges.txt': merges, 'tokenizer.json': both } = files;
  const old =
    vocabulary !== undefined && merges !== undefined
      ? ClipTokenizer.fromFiles({ 'vocab.json': vocabulary, 'merges.txt': merges })
      : undefined;
  const tokenizer = both === undefined ? old : ClipTokenizer.fromFiles(clipVocabularyOf(both));
  if (!tokenizer)
    throw refused('vocab.json and merges.txt, or tokenizer.json', Object.keys(files).join(', ') || 'nothing');
  if (old && !isSame(old, tokenizer))
    throw refused('one tokenizer', 'another vocabulary in tokenizer.json than in vocab.json and merges.txt');
  const { vocab_size: rows } = config.text_config;
  if (tokenizer.vocabSize > rows)
    throw refused(`at most the vocab_size ${rows} of config.json`, `${tokenizer.vocabSize} tokens`);
  return tokenizer;
}

const isSame = (a: ClipTokenizer, b: ClipTokenizer): boolean => {
  const [one, other] = [a.files(), b.files()];
  return Object.keys(one).every((path) => one[path] === other[path]);
};

function refused(expected: string, actual: string): TriptychError {
  const violation = {
    path: '/vocab.json',
    expected,
    actual,
    remedy: 'use the tokenizer that the model was trained with',
  };
  return new TriptychError(
    'MODEL_INVALID',
    `The tokenizer does not fit: expected ${expected}, got ${actual}; ${violation.remedy}`,
    { violations: [violation] },
  );
}
