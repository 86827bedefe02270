/**
 * A byte-pair tokenizer of a Hugging Face folder: text to ids and back, with the ids that transformers gives.
 * Not CLIP's (clip-tokenizer.ts), which cleans its text and also learns.
 */
import { TriptychError } from '@triptych/protocol';
import type { Vocabulary } from '../vocabulary.ts';
import { readFolder, type TokenizerFiles, type TokenizerFolder, tokenizerFileNames } from './folder.ts';
import {
  escaped,
  type LibraryTokenizer,
  literalVariant,
  loadLibrary,
  prefixesEverySection,
} from './library.ts';
import { type AddedTokenJson, show, type TokenizerJson } from './supported.ts';

/** What stands before a piece of text: nothing, a special token, or more text. */
export type Before = 'start' | 'special' | 'text';

export class Tokenizer implements Vocabulary {
  /** One more than the highest id: the rows that a token table needs. */
  readonly vocabSize: number;
  /** The most tokens that the model was made for; undefined where the folder does not say. */
  readonly contextLength: number | undefined;
  readonly bosToken: number | undefined;
  readonly eosToken: number | undefined;
  readonly padToken: number | undefined;
  readonly unkToken: number | undefined;
  /** Special tokens with their ids. In text they are found before anything else, and `skipSpecial` leaves them out. */
  readonly specialTokens: ReadonlyMap<string, number>;
  /** Ids that `encode` puts before and after a text, such as the start token. */
  readonly opening: readonly number[];
  readonly closing: readonly number[];
  /** The folder's own chat template, in Jinja. */
  readonly chatTemplate: string | undefined;
  readonly #files: TokenizerFiles;
  readonly #folder: TokenizerFolder;
  readonly #json: TokenizerJson;
  readonly #library: LibraryTokenizer;
  readonly #specialIds: ReadonlySet<number>;
  #literal: Readonly<Record<'prefixed' | 'continuing', LibraryTokenizer>> | undefined;

  #special: RegExp | null | undefined;

  private constructor(files: TokenizerFiles, folder: TokenizerFolder, json: TokenizerJson) {
    this.#files = files;
    this.#folder = folder;
    this.#json = json;
    this.#library = loadLibrary(json);
    this.specialTokens = new Map(json.added_tokens.filter((t) => t.special).map((t) => [t.content, t.id]));
    this.#specialIds = new Set(this.specialTokens.values());
    this.vocabSize =
      1 + largest([...Object.values(json.model.vocab), ...json.added_tokens.map((token) => token.id)]);
    this.contextLength = folder.contextLength;
    this.chatTemplate = folder.chatTemplate;
    const idFor = (token: string | undefined) => (token === undefined ? undefined : this.idOf(token));
    this.bosToken = idFor(folder.purposes.bos);
    this.eosToken = idFor(folder.purposes.eos);
    this.padToken = idFor(folder.purposes.pad);
    this.unkToken = idFor(
      folder.purposes.unk ?? (json.model['unk_token'] as string | undefined) ?? undefined,
    );
    [this.opening, this.closing] = this.#frame();
  }

  /**
   * Reads the texts of the folder's files by name (`tokenizerFileNames`); `otherNames` are further files that lie there. What
   * tokenizer.json says decides, as in transformers 5: `add_bos_token` in the configuration does not.
   * Throws MODEL_INVALID with file and field where something is missing, contradictory or not supported.
   */
  static fromFiles(files: TokenizerFiles, otherNames: readonly string[] = []): Tokenizer {
    const folder = readFolder(files, otherNames);
    const json = withTokens(folder.json, folder.extra);
    // A folder has other files too; they are not the tokenizer's to write back.
    const own = Object.fromEntries(
      tokenizerFileNames.flatMap((name) => (files[name] === undefined ? [] : [[name, files[name]!]])),
    );
    return new Tokenizer(own, { ...folder, json }, json);
  }

  /** Ids of `text` as transformers gives them. `special: false` leaves out what `opening` and `closing` would add. */
  encode(text: string, { special = true }: { readonly special?: boolean } = {}): number[] {
    return known(this.#library.encode(text, { add_special_tokens: special }).ids, text);
  }

  /**
   * Ids of a piece of a larger text, in which special tokens are ordinary characters. At a word's boundary the ids of pieces, one
   * after the other, are those of the whole; inside a word they need not be, since no token crosses from piece to piece.
   */
  encodePiece(text: string, before: Before): number[] {
    if (text === '') return [];
    this.#literal ??= {
      prefixed: literalVariant(this.#library, this.#json, { prefixed: true }),
      continuing: literalVariant(this.#library, this.#json, { prefixed: false }),
    };
    const prefixed = before === 'start' || (before === 'special' && prefixesEverySection(this.#json));
    const variant = prefixed ? this.#literal.prefixed : this.#literal.continuing;
    const ids = known(variant.encode(text, { add_special_tokens: false }).ids, text);
    const special = ids.find((id) => this.#specialIds.has(id) && id !== this.unkToken);
    if (special === undefined) return ids;
    throw new TriptychError(
      'INVALID_INPUT',
      `The text ${show(text.slice(0, 80))} spells the special token ${show(this.tokenOf(special))}, which this vocabulary cannot write as ordinary text; remove it`,
    );
  }

  /** The text of the ids. As in transformers, an id without a token (a table has more rows than the vocabulary) has no text. */
  decode(ids: Iterable<number>, { skipSpecial = false }: { readonly skipSpecial?: boolean } = {}): string {
    const list = [...ids].filter(
      (id) => this.tokenOf(id) !== undefined && !(skipSpecial && this.#specialIds.has(id)),
    );
    // Transformers 5 never tidies the spaces of a byte-pair vocabulary; the library would.
    return list.length === 0 ? '' : this.#library.decode(list, { clean_up_tokenization_spaces: false });
  }

  /** `text` cut before and after every special token in it; none of the parts is empty. */
  splitAtSpecial(text: string): string[] {
    this.#special ??= pattern([...this.specialTokens.keys()]);
    return this.#special === null ? [text] : text.split(this.#special).filter((part) => part !== '');
  }

  idOf(token: string): number | undefined {
    return this.#library.token_to_id(token);
  }

  tokenOf(id: number): string | undefined {
    return this.#library.id_to_token(id);
  }

  isSpecial(id: number): boolean {
    return this.#specialIds.has(id);
  }

  /** The id of a special token; MODEL_INVALID where there is none. */
  special(token: string): number {
    const id = this.specialTokens.get(token);
    if (id !== undefined) return id;
    throw new TriptychError(
      'MODEL_INVALID',
      `The tokenizer has no special token ${show(token)}; it has ${[...this.specialTokens.keys()].slice(0, 20).map(show).join(', ') || 'none'}; add it with withSpecialTokens`,
    );
  }

  /**
   * This tokenizer with further special tokens. Those that it lacks get the ids after its last, in the order given, as in
   * transformers; `pad` says which one pads. The token table of the model must grow to the new `vocabSize`.
   */
  withSpecialTokens(tokens: readonly string[], { pad }: { readonly pad?: string } = {}): Tokenizer {
    const extra = [...tokens, ...(pad === undefined ? [] : [pad])].map(specialToken);
    const folder: TokenizerFolder = {
      ...this.#folder,
      ...(pad === undefined
        ? {}
        : {
            purposes: { ...this.#folder.purposes, pad },
            config: { ...this.#folder.config, pad_token: pad },
          }),
    };
    return new Tokenizer(this.#files, folder, withTokens(this.#json, extra));
  }

  /** The folder's files by name: as they were read, or with the new tokens where some were added. */
  files(): Record<string, string> {
    return this.#folder.json === this.#json
      ? { ...this.#files }
      : rewritten(this.#files, this.#json, this.#folder);
  }

  /** What the post-processor adds around a text, found by adding it. */
  #frame(): [number[], number[]] {
    const bare = this.encode('a', { special: false });
    const framed = this.encode('a');
    const at = framed.findIndex((_, n) => bare.every((id, i) => framed[n + i] === id));
    return [framed.slice(0, at), framed.slice(at + bare.length)];
  }
}

const specialToken = (content: string): Omit<AddedTokenJson, 'id'> => ({
  content,
  special: true,
  normalized: false,
  lstrip: false,
  rstrip: false,
  single_word: false,
});

/** New ids follow Rust's rule: after the model's vocabulary, or after the highest added token where that is higher. */
function withTokens(json: TokenizerJson, extra: readonly Omit<AddedTokenJson, 'id'>[]): TokenizerJson {
  const added = [...json.added_tokens];
  const modelSize = Object.keys(json.model.vocab).length;
  for (const token of extra) {
    const at = added.findIndex(({ content }) => content === token.content);
    if (at >= 0) {
      added[at] = { ...(added[at] as AddedTokenJson), special: true };
      continue;
    }
    const id =
      json.model.vocab[token.content] ?? Math.max(modelSize, 1 + largest(added.map((other) => other.id)));
    added.push({ ...specialToken(token.content), ...token, id });
  }
  return { ...json, added_tokens: added.sort((a, b) => a.id - b.id) };
}

function rewritten(
  files: TokenizerFiles,
  json: TokenizerJson,
  folder: TokenizerFolder,
): Record<string, string> {
  // The map and the list of added tokens are older ways to say what tokenizer.json and its configuration say.
  const { 'special_tokens_map.json': _map, 'added_tokens.json': _added, ...kept } = files;
  const { added_tokens_decoder: _decoder, ...config } = folder.config;
  const purposes = Object.entries(folder.purposes).map(([purpose, content]) => [`${purpose}_token`, content]);
  return {
    ...kept,
    'tokenizer.json': JSON.stringify(json),
    'tokenizer_config.json': `${JSON.stringify({ tokenizer_class: 'PreTrainedTokenizerFast', ...config, ...Object.fromEntries(purposes) }, null, 2)}\n`,
  };
}

function known(ids: readonly (number | undefined)[], text: string): number[] {
  if (ids.every((id) => id !== undefined)) return ids as number[];
  throw new TriptychError(
    'INVALID_INPUT',
    `The text ${show(text.slice(0, 80))} has characters that the vocabulary lacks, and it names no unknown token; remove them`,
  );
}

/** Matches any of the tokens, the longest first, and keeps it in `split`. */
function pattern(tokens: readonly string[]): RegExp | null {
  if (tokens.length === 0) return null;
  const longest = tokens.toSorted((a, b) => b.length - a.length);
  return new RegExp(`(${longest.map(escaped).join('|')})`, 'u');
}

const largest = (ids: readonly number[]): number => ids.reduce((a, b) => Math.max(a, b), -1);
