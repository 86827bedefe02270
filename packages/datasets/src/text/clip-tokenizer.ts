/**
 * CLIP's tokenizer: byte-level byte-pair encoding over cleaned, lower-case text, in Hugging Face's file layout.
 *
 * Ids: 256 byte symbols, the same 256 at a word's end, one per merge, the start token (vocabSize - 2) and the end token
 * (vocabSize - 1), as in OpenAI's vocabulary of 49,408. A trained vocabulary always has the size asked for, because the model's
 * token table has: where the captions yield too few merges, `<|unused0|>`, ... fill the ids below the start token; where it has
 * fewer ids than the 514 fixed ones, the bytes that no cleaned text contains are left out.
 *
 * "<|endoftext|>" inside a caption is ordinary text, as in open_clip: it must not end the sequence (OpenAI's code lets it).
 */
import { TriptychError } from '@triptych/protocol';
import { applyMerges, learnMerges, type Merge, WORD_END } from './byte-pairs.ts';
import { byteSymbols, toSymbols, wordSymbols } from './byte-symbols.ts';
import { clean } from './clean.ts';
import type { Vocabulary } from './vocabulary.ts';

const START = '<|startoftext|>';
const END = '<|endoftext|>';
const FULL_VOCABULARY = 2 * byteSymbols.length + 2;
const SMALLEST_VOCABULARY = 2 * wordSymbols.length + 2;
const words = /'s|'t|'re|'ve|'m|'ll|'d|\p{L}+|\p{N}|[^\s\p{L}\p{N}]+/gu;
const MAX_REMEMBERED_WORDS = 50_000;

export class ClipTokenizer implements Vocabulary {
  readonly vocabSize: number;
  readonly startToken: number;
  readonly endToken: number;
  readonly #idOf: ReadonlyMap<string, number>;
  readonly #rankOf: ReadonlyMap<string, number>;
  readonly #idsOfWord = new Map<string, readonly number[]>();

  private constructor(idOf: ReadonlyMap<string, number>, merges: readonly Merge[]) {
    this.#idOf = idOf;
    this.#rankOf = new Map(merges.map((merge, rank) => [merge.join(' '), rank]));
    this.startToken = required(idOf, START);
    this.endToken = required(idOf, END);
    // Not as arguments of one call: a hundred thousand overflow the stack.
    let last = 0;
    for (const id of idOf.values()) last = Math.max(last, id);
    this.vocabSize = last + 1;
  }

  /**
   * Learns merges from captions until the vocabulary is full or no pair occurs twice any more. The same captions in any order give
   * the same tokenizer. Throws INVALID_INPUT where `vocabSize` has no room for the bytes.
   */
  static train(captions: Iterable<string>, vocabSize: number): ClipTokenizer {
    if (!Number.isInteger(vocabSize) || vocabSize < SMALLEST_VOCABULARY)
      throw new TriptychError(
        'INVALID_INPUT',
        `A byte-level vocabulary needs at least ${SMALLEST_VOCABULARY} tokens; got ${vocabSize}; use a model with a larger vocabulary`,
      );
    const counts = new Map<string, number>();
    for (const caption of captions)
      for (const word of split(caption)) counts.set(word, (counts.get(word) ?? 0) + 1);

    // Two different merges can spell the same token; it has one id, so ids are counted in tokens and not in merges.
    const alphabet = vocabSize < FULL_VOCABULARY ? wordSymbols : byteSymbols;
    const tokens = new Set([...alphabet, ...alphabet.map((symbol) => symbol + WORD_END)]);
    const merges: Merge[] = [];
    if (tokens.size < vocabSize - 2)
      for (const merge of learnMerges(counts, spell)) {
        merges.push(merge);
        tokens.add(merge.join(''));
        if (tokens.size === vocabSize - 2) break;
      }
    for (let n = 0; tokens.size < vocabSize - 2; n += 1) tokens.add(`<|unused${n}|>`);
    return new ClipTokenizer(new Map([...tokens, START, END].map((token, id) => [token, id])), merges);
  }

  /** Reads Hugging Face's two files. `vocab.json` decides the ids. Throws MODEL_INVALID where they do not fit together. */
  static fromFiles(files: { 'vocab.json': string; 'merges.txt': string }): ClipTokenizer {
    const idOf = parseVocabulary(files['vocab.json']);
    const lines = files['merges.txt']
      .split(/\r?\n/)
      .filter((line) => line !== '' && !line.startsWith('#version'));
    const merges = lines.map((line): Merge => {
      const [left, right, ...rest] = line.split(' ');
      if (!left || !right || rest.length > 0)
        throw new TriptychError(
          'MODEL_INVALID',
          `merges.txt: expected two symbols and one space, got "${line}"`,
        );
      required(idOf, left + right);
      return [left, right];
    });
    return new ClipTokenizer(idOf, merges);
  }

  /** The tokenizer as Hugging Face's CLIPTokenizer loads it, by file name. */
  files(contextLength = 77): Record<string, string> {
    const special = { bos_token: START, eos_token: END, unk_token: END, pad_token: END };
    const byId = [...this.#idOf].sort(([, a], [, b]) => a - b);
    return {
      'vocab.json': JSON.stringify(Object.fromEntries(byId)),
      'merges.txt': `${['#version: 0.2', ...this.#rankOf.keys()].join('\n')}\n`,
      'tokenizer_config.json': json({
        tokenizer_class: 'CLIPTokenizer',
        model_max_length: contextLength,
        do_lower_case: true,
        add_prefix_space: false,
        errors: 'replace',
        ...special,
      }),
      'special_tokens_map.json': json(special),
    };
  }

  /**
   * Ids [contextLength]: start, tokens, end, then end again as padding (Hugging Face's choice; the first end is the one to pool).
   * A longer text is cut and still closes with the end token.
   */
  encode(text: string, contextLength: number): Int32Array {
    const ids = new Int32Array(contextLength).fill(this.endToken);
    ids[0] = this.startToken;
    let length = 1;
    for (const word of split(text))
      for (const id of this.#encodeWord(word)) {
        if (length >= contextLength - 1) return ids;
        ids[length++] = id;
      }
    return ids;
  }

  #encodeWord(word: string): readonly number[] {
    const known = this.#idsOfWord.get(word);
    if (known) return known;
    const ids = applyMerges(spell(word), this.#rankOf).map((token) => required(this.#idOf, token));
    if (this.#idsOfWord.size >= MAX_REMEMBERED_WORDS) this.#idsOfWord.clear();
    this.#idsOfWord.set(word, ids);
    return ids;
  }
}

const split = (text: string): string[] => clean(text).match(words) ?? [];

function spell(word: string): string[] {
  const symbols = toSymbols(word);
  symbols.push(symbols.pop() + WORD_END);
  return symbols;
}

function parseVocabulary(text: string): Map<string, number> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    throw new TriptychError('MODEL_INVALID', 'vocab.json is not valid JSON', { cause });
  }
  const entries = Object.entries(parsed ?? {});
  const ids = new Set<unknown>(entries.map(([, id]) => id));
  if (ids.size !== entries.length || ![...ids].every((id) => Number.isInteger(id) && (id as number) >= 0))
    throw new TriptychError(
      'MODEL_INVALID',
      'vocab.json: expected an object of tokens with distinct ids >= 0',
    );
  return new Map(entries as [string, number][]);
}

function required(idOf: ReadonlyMap<string, number>, token: string): number {
  const id = idOf.get(token);
  if (id === undefined)
    throw new TriptychError('MODEL_INVALID', `vocab.json lacks the token ${JSON.stringify(token)}`);
  return id;
}

const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;
