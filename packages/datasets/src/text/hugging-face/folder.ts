/**
 * Reads the files of a Hugging Face tokenizer folder, as transformers 4 wrote them (special_tokens_map.json, added_tokens_decoder,
 * a chat template inside tokenizer_config.json) and as transformers 5 writes them (tokenizer.json, chat_template.jinja).
 * It says which tokens there are and what they are for; it encodes nothing.
 */
import { TriptychError } from '@triptych/protocol';
import { type AddedTokenJson, isObject, show, type TokenizerJson, unsupported } from './supported.ts';

/** The files that make a tokenizer, tokenizer.json first; all but that one may be missing. */
export const tokenizerFileNames = [
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'added_tokens.json',
  'chat_template.jinja',
  'chat_template.json',
] as const;

export type TokenizerFiles = Readonly<Record<string, string>>;

/** What special tokens are for, in the order in which transformers gives ids to those that the vocabulary lacks. */
const purposes = ['bos', 'eos', 'unk', 'sep', 'pad', 'cls', 'mask'] as const;
export type Purpose = (typeof purposes)[number];

export interface TokenizerFolder {
  readonly json: TokenizerJson;
  readonly config: Readonly<Record<string, unknown>>;
  readonly purposes: Readonly<Partial<Record<Purpose, string>>>;
  /** Special tokens that the vocabulary may lack, in the order in which they get ids. */
  readonly extra: readonly Omit<AddedTokenJson, 'id'>[];
  /** `model_max_length`, where it is a real limit. */
  readonly contextLength?: number;
  readonly chatTemplate?: string;
}

/**
 * Throws MODEL_INVALID with every field that cannot be obeyed. `otherNames` are the further files of the folder: they tell which
 * way to convert where there is no tokenizer.json.
 */
export function readFolder(files: TokenizerFiles, otherNames: readonly string[] = []): TokenizerFolder {
  const text = files['tokenizer.json'];
  if (text === undefined) throw missing([...Object.keys(files), ...otherNames]);
  const parsed = parseJson('tokenizer.json', text);
  const problems = unsupported(parsed);
  if (problems.length > 0)
    throw new TriptychError(
      'MODEL_INVALID',
      problems.map((problem) => `tokenizer.json: ${problem}`).join(' | '),
    );
  const config = objectIn(files, 'tokenizer_config.json');
  const map = objectIn(files, 'special_tokens_map.json');
  // transformers lets the map decide for folders from before added_tokens_decoder, and the configuration otherwise.
  const said = 'added_tokens_decoder' in config ? { ...map, ...config } : { ...config, ...map };
  const json = withListedTokens(
    parsed as unknown as TokenizerJson,
    config,
    objectIn(files, 'added_tokens.json'),
  );
  const limit = config['model_max_length'];
  const chatTemplate = chatTemplateOf(files, config);
  return {
    json,
    config,
    purposes: purposesOf(said),
    extra: extraTokens(said),
    // Transformers writes 1e30 where nobody said a length.
    ...(typeof limit === 'number' && limit < 1e9 ? { contextLength: limit } : {}),
    ...(chatTemplate === undefined ? {} : { chatTemplate }),
  };
}

const convert =
  "convert it once with `python -c \"from transformers import AutoTokenizer as T; T.from_pretrained('FOLDER').save_pretrained('FOLDER')\"` " +
  '(needs transformers, sentencepiece and tiktoken) and give the folder again';

function missing(names: readonly string[]): TriptychError {
  const found = (pattern: RegExp) => names.find((name) => pattern.test(name));
  const source =
    found(/\.model$/) ?? found(/\.(pkl|pickle|pt|pth|bin)$/) ?? found(/^(vocab\.(json|txt)|merges\.txt)$/);
  return new TriptychError(
    'MODEL_INVALID',
    source === undefined
      ? 'tokenizer.json: expected the file, got none; add the tokenizer files of the model to its folder'
      : `tokenizer.json: expected the file, got ${source} alone, which is not read here; ${convert}`,
  );
}

function parseJson(name: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new TriptychError('MODEL_INVALID', `${name} is not valid JSON; copy the file again`, { cause });
  }
}

function objectIn(files: TokenizerFiles, name: string): Record<string, unknown> {
  const text = files[name];
  if (text === undefined) return {};
  const value = parseJson(name, text);
  if (isObject(value)) return value;
  throw new TriptychError('MODEL_INVALID', `${name}: expected an object, got ${show(value).slice(0, 80)}`);
}

const contentOf = (value: unknown): string | undefined =>
  typeof value === 'string'
    ? value
    : isObject(value) && typeof value['content'] === 'string'
      ? value['content']
      : undefined;

function purposesOf(said: Readonly<Record<string, unknown>>): Partial<Record<Purpose, string>> {
  const named = purposes.map((purpose) => [purpose, contentOf(said[`${purpose}_token`])] as const);
  return Object.fromEntries(named.filter(([, content]) => content));
}

function extraTokens(said: Readonly<Record<string, unknown>>): Omit<AddedTokenJson, 'id'>[] {
  const standard = purposes.map((purpose) => `${purpose}_token`);
  const own = Object.keys(said).filter((key) => key.endsWith('_token') && !standard.includes(key));
  const lists = ['extra_special_tokens', 'additional_special_tokens'].flatMap((key) => {
    const value = said[key];
    return Array.isArray(value) ? value : isObject(value) ? Object.values(value) : [];
  });
  return [...[...standard, ...own].map((key) => said[key]), ...lists].flatMap((value) => {
    const content = contentOf(value);
    if (!content) return [];
    const flags = isObject(value)
      ? { lstrip: value['lstrip'] === true, rstrip: value['rstrip'] === true }
      : {};
    return [{ content, special: true, normalized: false, ...flags }];
  });
}

/** Tokens that only tokenizer_config.json or added_tokens.json list; the flags there win, as in transformers. */
function withListedTokens(
  json: TokenizerJson,
  config: Readonly<Record<string, unknown>>,
  contents: Readonly<Record<string, unknown>>,
): TokenizerJson {
  const byId = new Map((json.added_tokens ?? []).map((token) => [token.id, token]));
  const problems: string[] = [];
  const add = (file: string, token: AddedTokenJson) => {
    const before = byId.get(token.id) ?? inVocabulary(json, token.id);
    if (before !== undefined && before.content !== token.content)
      problems.push(
        `${file}: ${show(token.content)} has the id ${token.id}, which is ${show(before.content)} in tokenizer.json; keep the files of one model together`,
      );
    byId.set(token.id, { ...before, ...token });
  };
  for (const [content, id] of Object.entries(contents))
    if (typeof id === 'number' && json.model.vocab[content] !== id && byId.get(id)?.content !== content)
      add('added_tokens.json', { id, content, normalized: false, special: true });
  const listed = config['added_tokens_decoder'];
  for (const [id, token] of isObject(listed) ? Object.entries(listed) : [])
    if (isObject(token) && typeof token['content'] === 'string')
      add('tokenizer_config.json: added_tokens_decoder', {
        ...token,
        id: Number(id),
      } as unknown as AddedTokenJson);
  for (const token of byId.values())
    if (token.single_word) problems.push(`added token ${show(token.content)}: single_word is not supported`);
  if (problems.length > 0) throw new TriptychError('MODEL_INVALID', problems.join(' | '));
  return { ...json, added_tokens: [...byId.values()].sort((a, b) => a.id - b.id) };
}

function inVocabulary({ model }: TokenizerJson, id: number): { id: number; content: string } | undefined {
  const found = Object.entries(model.vocab).find(([, value]) => value === id);
  return found && { id, content: found[0] };
}

function chatTemplateOf(
  files: TokenizerFiles,
  config: Readonly<Record<string, unknown>>,
): string | undefined {
  if (files['chat_template.jinja'] !== undefined) return files['chat_template.jinja'];
  const value = objectIn(files, 'chat_template.json')['chat_template'] ?? config['chat_template'];
  if (typeof value === 'string') return value;
  if (!Array.isArray(value)) return undefined;
  const standard = value.find((entry) => isObject(entry) && entry['name'] === 'default');
  return isObject(standard) && typeof standard['template'] === 'string' ? standard['template'] : undefined;
}
