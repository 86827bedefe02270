/**
 * The one place that knows @huggingface/tokenizers: builds its tokenizer from a tokenizer.json and mends where version 0.2.0 departs
 * from Rust's `tokenizers` (all found by comparing both on random texts). Knows nothing of special tokens' purposes.
 */
import { Tokenizer as Library } from '@huggingface/tokenizers';
import {
  type AddedTokenJson,
  leaves,
  mapLeaves,
  type Part,
  type PartKind,
  type TokenizerJson,
} from './supported.ts';

/** What is used of the library's tokenizer. Its own declarations do not resolve under Node's rules (no file endings). */
export interface LibraryTokenizer {
  encode(text: string, options: { add_special_tokens: boolean }): { readonly ids: (number | undefined)[] };
  decode(ids: number[], options: { clean_up_tokenization_spaces: boolean }): string;
  token_to_id(token: string): number | undefined;
  id_to_token(id: number): string | undefined;
  model: { vocab: string[] };
  readonly normalizer: ((text: string) => string) | null;
  readonly pre_tokenizer: object | null;
  readonly decoder: object | null;
}

export const loadLibrary = (json: TokenizerJson): LibraryTokenizer => {
  const whole = complete(json);
  const stripped = whole.added_tokens.map((token) =>
    token.normalized ? token : { ...token, lstrip: false, rstrip: false },
  );
  const library = new (Library as new (json: object, config: object) => LibraryTokenizer)(
    { ...whole, added_tokens: stripped },
    {},
  );
  mend(library, whole);
  stripAroundTokens(library, whole.added_tokens);
  return library;
};

/**
 * The same vocabulary without special tokens, so that "</s>" in a caption is seven ordinary bytes and not the end. `prefixed`: as
 * at the start of a text, with the space or "▁" that some tokenizers put there; otherwise as the continuation of a text.
 */
export function literalVariant(
  library: LibraryTokenizer,
  json: TokenizerJson,
  { prefixed }: { readonly prefixed: boolean },
): LibraryTokenizer {
  const ordinary: AddedTokenJson[] = json.added_tokens.filter((token) => !token.special);
  const variant = loadLibrary({
    ...json,
    ...(prefixed ? {} : withoutPrefix(json)),
    added_tokens: ordinary,
    post_processor: null,
    decoder: null,
    model: { type: 'BPE', vocab: {}, merges: [] },
  });
  // Vocabulary and merges are the large part; they are shared.
  variant.model = library.model;
  return variant;
}

/** Whether text that follows a special token begins with the prefix too, or only the start of the whole text. */
export const prefixesEverySection = ({ normalizer, pre_tokenizer }: TokenizerJson): boolean =>
  leaves('normalizer', normalizer).some((part) => part['type'] === 'Prepend') ||
  leaves('pre_tokenizer', pre_tokenizer).some(
    (part) =>
      (part['type'] === 'Metaspace' && prependScheme(part) === 'always') ||
      (part['type'] === 'ByteLevel' && part['add_prefix_space'] === true),
  );

const withoutPrefix = (json: TokenizerJson): Pick<TokenizerJson, 'normalizer' | 'pre_tokenizer'> => ({
  normalizer: mapLeaves('normalizer', json.normalizer, (part) => (part['type'] === 'Prepend' ? null : part)),
  pre_tokenizer: mapLeaves('pre_tokenizer', json.pre_tokenizer, (part) => {
    if (part['type'] === 'Metaspace') return { ...part, prepend_scheme: 'never' };
    return part['type'] === 'ByteLevel' ? { ...part, add_prefix_space: false } : part;
  }),
});

/** Files from before `prepend_scheme` say `add_prefix_space`; the library reads the new name only. */
const prependScheme = (part: Part): unknown =>
  part['prepend_scheme'] ?? (part['add_prefix_space'] === false ? 'never' : 'always');

/** The library wants every field there, and the model's type said. */
const complete = (json: TokenizerJson): TokenizerJson => ({
  ...json,
  added_tokens: json.added_tokens ?? [],
  normalizer: json.normalizer ?? null,
  post_processor: json.post_processor ?? null,
  decoder: json.decoder ?? null,
  model: { ...json.model, type: 'BPE' },
  pre_tokenizer: mapLeaves('pre_tokenizer', json.pre_tokenizer ?? null, (part) =>
    part['type'] === 'Metaspace' ? { ...part, prepend_scheme: prependScheme(part) } : part,
  ),
});

/** GPT-2's pattern with Unicode's white space: JavaScript's `\s` has U+FEFF and lacks U+0085. */
export const gpt2Words =
  /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\p{White_Space}\p{L}\p{N}]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/gu;

/** A part as the library made it; each kind has one of the functions. */
interface Made {
  pattern: RegExp;
  normalize: (text: string) => string;
  pre_tokenize_text: (text: string, options?: unknown) => string[];
  decode_chain: (tokens: readonly string[]) => string[];
}

function mend(library: LibraryTokenizer, json: TokenizerJson): void {
  for (const [made, { type, split, replacement, individual_digits }] of pairs(
    library,
    json,
    'pre_tokenizer',
  )) {
    if (type === 'ByteLevel') made.pattern = gpt2Words;
    if (type === 'Digits') made.pattern = individual_digits ? /\P{N}+|\p{N}/gu : /\P{N}+|\p{N}+/gu;
    if (type === 'Metaspace' && split !== false) splitBefore(made, String(replacement ?? '\u2581'));
  }
  // Rust lower-cases character by character; JavaScript writes a sigma at a word's end differently.
  for (const [made, { type }] of pairs(library, json, 'normalizer'))
    if (type === 'Lowercase')
      made.normalize = (text) => Array.from(text, (character) => character.toLowerCase()).join('');
  for (const [made, { type }] of pairs(library, json, 'decoder'))
    if (type === 'ByteFallback') made.decode_chain = decodeBytes;
  // A token that is matched in normalised text is called by its normalised name, as in Rust.
  for (const { id, content, normalized } of json.added_tokens)
    if (normalized && library.normalizer) library.model.vocab[id] = library.normalizer(content);
}

/** Tokens that take the white space beside them with them; the library takes JavaScript's, which has U+FEFF and lacks U+0085. */
function stripAroundTokens(library: LibraryTokenizer, tokens: readonly AddedTokenJson[]): void {
  const exact = tokens.filter((token) => !token.normalized);
  const anyOf = (some: readonly AddedTokenJson[]) => some.map(({ content }) => escaped(content)).join('|');
  const left = exact.filter((token) => token.lstrip);
  const right = exact.filter((token) => token.rstrip);
  if (left.length === 0 && right.length === 0) return;
  const encode = library.encode.bind(library);
  library.encode = (text, options) => {
    const before =
      left.length > 0
        ? text.replace(new RegExp(`(?<!\\p{White_Space})\\p{White_Space}+(?=${anyOf(left)})`, 'gu'), '')
        : text;
    const after =
      right.length > 0
        ? before.replace(new RegExp(`(?<=${anyOf(right)})\\p{White_Space}+`, 'gu'), '')
        : before;
    return encode(after, options);
  };
}

/** A pattern that matches `text` itself. */
export const escaped = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/-]/gu, '\\$&');

/** Each leaf of a part with its description; the library keeps the order. */
function pairs(library: LibraryTokenizer, json: TokenizerJson, kind: Exclude<PartKind, 'post_processor'>) {
  const made = opened(library[kind]);
  return leaves(kind, json[kind]).map((part, n) => [made[n] as Made, part] as const);
}

/** The part itself, or the members of a Sequence, at any depth. */
function opened(part: object | null): object[] {
  if (part === null) return [];
  const { normalizers, tokenizers, decoders } = part as Record<string, (object | null)[] | undefined>;
  const inner = normalizers ?? tokenizers ?? decoders;
  return inner ? inner.flatMap(opened) : [part];
}

function splitBefore(made: Made, character: string): void {
  const whole = made.pre_tokenize_text.bind(made);
  const boundary = new RegExp(`(?=${character})`, 'u');
  made.pre_tokenize_text = (text, options) =>
    whole(text, options).flatMap((section) => section.split(boundary));
}

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Rust gives one replacement character for each byte of a run that is not UTF-8, and keeps U+FEFF. */
function decodeBytes(tokens: readonly string[]): string[] {
  const texts: string[] = [];
  let bytes: number[] = [];
  const flush = () => {
    if (bytes.length > 0) texts.push(decoded(bytes));
    bytes = [];
  };
  for (const token of tokens) {
    const byte = /^<0x([0-9A-Fa-f]{2})>$/.exec(token)?.[1];
    if (byte !== undefined) bytes.push(Number.parseInt(byte, 16));
    else {
      flush();
      texts.push(token);
    }
  }
  flush();
  return texts;
}

function decoded(bytes: readonly number[]): string {
  try {
    return strictUtf8.decode(Uint8Array.from(bytes));
  } catch {
    return '\ufffd'.repeat(bytes.length);
  }
}
