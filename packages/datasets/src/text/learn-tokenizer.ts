/**
 * Learns a byte-level byte-pair vocabulary from texts, for decoders that are trained from nothing, and writes it as the files of a
 * Hugging Face folder. Every text has ids, because every byte has one. The words are GPT-2's.
 */
import { TriptychError } from '@triptych/protocol';
import { learnMerges, type Merge } from './byte-pairs.ts';
import { byteSymbols, toSymbols } from './byte-symbols.ts';
import { gpt2Words } from './hugging-face/library.ts';
import { Tokenizer } from './hugging-face/tokenizer.ts';

const purposes = { unk_token: '<unk>', bos_token: '<s>', eos_token: '</s>', pad_token: '<pad>' } as const;

/** What a learnt vocabulary always has, in the order of its ids. */
const always = Object.values(purposes);

/**
 * The same texts in any order give the same tokenizer. Ids: `<unk> <s> </s> <pad>`, the further `special` tokens in the order
 * given, 256 bytes, then merges, the most frequent first. The vocabulary always has the size asked for, since the model's token
 * table has: where the texts yield too few merges, `<|unused0|>`, ... fill it, and no text ever gives one of these. `<s>` opens
 * what `encode` gives. Throws INVALID_INPUT where `vocabSize` has no room for the bytes.
 */
export function learnTokenizer(
  texts: Iterable<string>,
  options: {
    readonly vocabSize: number;
    readonly special?: readonly string[];
    readonly contextLength?: number;
  },
): Tokenizer {
  const special = [...new Set([...always, ...(options.special ?? [])])];
  const smallest = special.length + byteSymbols.length;
  if (!Number.isInteger(options.vocabSize) || options.vocabSize < smallest)
    throw new TriptychError(
      'INVALID_INPUT',
      `A byte-level vocabulary with ${special.length} special tokens needs at least ${smallest} tokens; got ${options.vocabSize}; use a model with a larger vocabulary`,
    );
  const tokens = new Set([...special, ...byteSymbols]);
  const merges: Merge[] = [];
  if (tokens.size < options.vocabSize)
    for (const merge of learnMerges(countWords(texts), toSymbols)) {
      // A token that two different merges spell has one id.
      merges.push(merge);
      tokens.add(merge.join(''));
      if (tokens.size === options.vocabSize) break;
    }
  for (let n = 0; tokens.size < options.vocabSize; n += 1) tokens.add(`<|unused${n}|>`);
  return Tokenizer.fromFiles(
    files({ tokens: [...tokens], special, merges, contextLength: options.contextLength }),
  );
}

function countWords(texts: Iterable<string>): Map<string, number> {
  const counts = new Map<string, number>();
  for (const text of texts)
    for (const word of text.match(gpt2Words) ?? []) counts.set(word, (counts.get(word) ?? 0) + 1);
  return counts;
}

function files(learnt: {
  readonly tokens: readonly string[];
  readonly special: readonly string[];
  readonly merges: readonly Merge[];
  readonly contextLength: number | undefined;
}): Record<string, string> {
  const flags = { single_word: false, lstrip: false, rstrip: false, normalized: false, special: true };
  const start = { SpecialToken: { id: purposes.bos_token, type_id: 0 } };
  const first = { Sequence: { id: 'A', type_id: 0 } };
  const id = always.indexOf(purposes.bos_token);
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true };
  const json = {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: learnt.special.map((content, n) => ({ id: n, content, ...flags })),
    normalizer: null,
    pre_tokenizer: byteLevel,
    post_processor: {
      type: 'TemplateProcessing',
      single: [start, first],
      pair: [
        start,
        first,
        { SpecialToken: { id: purposes.bos_token, type_id: 1 } },
        { Sequence: { id: 'B', type_id: 1 } },
      ],
      special_tokens: {
        [purposes.bos_token]: { id: purposes.bos_token, ids: [id], tokens: [purposes.bos_token] },
      },
    },
    decoder: byteLevel,
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: Object.fromEntries(learnt.tokens.map((token, n) => [token, n])),
      merges: learnt.merges,
    },
  };
  const further = learnt.special.slice(always.length);
  const config = {
    tokenizer_class: 'PreTrainedTokenizerFast',
    clean_up_tokenization_spaces: false,
    ...(learnt.contextLength === undefined ? {} : { model_max_length: learnt.contextLength }),
    ...purposes,
    ...(further.length > 0 ? { extra_special_tokens: further, additional_special_tokens: further } : {}),
  };
  return {
    'tokenizer.json': JSON.stringify(json),
    'tokenizer_config.json': `${JSON.stringify(config, null, 2)}\n`,
    'special_tokens_map.json': `${JSON.stringify(purposes, null, 2)}\n`,
  };
}
