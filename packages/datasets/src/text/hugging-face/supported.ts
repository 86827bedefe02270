/**
 * Which parts of a tokenizer.json give the ids that Rust's `tokenizers` gives. The library that runs it knows more parts than
 * these, some only roughly (a Precompiled normaliser is NFKC there); what was not compared with Rust is refused, never approximated.
 */

/** The parts of tokenizer.json that this room reads; everything else is passed on to the library as it is. */
export interface TokenizerJson {
  readonly added_tokens: readonly AddedTokenJson[];
  readonly normalizer: Part | null;
  readonly pre_tokenizer: Part | null;
  readonly post_processor: Part | null;
  readonly decoder: Part | null;
  readonly model: Part & { readonly vocab: Readonly<Record<string, number>> };
}

export interface AddedTokenJson {
  readonly id: number;
  readonly content: string;
  readonly single_word?: boolean;
  readonly lstrip?: boolean;
  readonly rstrip?: boolean;
  readonly normalized?: boolean;
  readonly special?: boolean;
}

export type Part = Readonly<Record<string, unknown>>;

const supported = {
  normalizer: ['Prepend', 'Replace', 'NFC', 'NFD', 'NFKC', 'NFKD', 'Lowercase'],
  pre_tokenizer: ['ByteLevel', 'Metaspace', 'Split', 'Digits'],
  post_processor: ['ByteLevel', 'TemplateProcessing'],
  decoder: ['ByteLevel', 'Metaspace', 'Replace', 'ByteFallback', 'Fuse', 'Strip'],
} as const;

/** Where a Sequence of each kind keeps its members. */
const members = {
  normalizer: 'normalizers',
  pre_tokenizer: 'pretokenizers',
  post_processor: 'processors',
  decoder: 'decoders',
} as const;

export type PartKind = keyof typeof supported;

/** Every field of the file that is not supported, as `field: expected ..., got ...`; empty where it can be used. */
export function unsupported(json: unknown): string[] {
  if (!isObject(json)) return ['expected an object'];
  const kinds = Object.keys(supported) as PartKind[];
  return [
    ...modelProblems(json['model']),
    ...kinds.flatMap((kind) => partProblems(kind, kind, json[kind])),
    ...addedTokenProblems(json['added_tokens']),
  ];
}

/** The leaves of a part, Sequences opened up. */
export function leaves(kind: PartKind, part: Part | null): Part[] {
  if (part === null) return [];
  if (part['type'] !== 'Sequence') return [part];
  return (part[members[kind]] as Part[]).flatMap((member) => leaves(kind, member));
}

/** The part with every leaf replaced; a leaf for which `change` gives null goes. */
export function mapLeaves(
  kind: PartKind,
  part: Part | null,
  change: (leaf: Part) => Part | null,
): Part | null {
  if (part === null) return null;
  if (part['type'] !== 'Sequence') return change(part);
  const changed = (part[members[kind]] as Part[]).map((member) => mapLeaves(kind, member, change));
  return { ...part, [members[kind]]: changed.filter((member) => member !== null) };
}

function modelProblems(model: unknown): string[] {
  if (!isObject(model)) return ['model: expected an object'];
  const problems: string[] = [];
  // Files of tokenizers before 0.11 leave the type of a BPE model out.
  const type = model['type'] ?? (Array.isArray(model['merges']) ? 'BPE' : undefined);
  if (type !== 'BPE') problems.push(`model.type: expected "BPE", got ${show(type)}`);
  for (const name of ['dropout', 'continuing_subword_prefix', 'end_of_word_suffix'])
    if (model[name]) problems.push(`model.${name}: expected none, got ${show(model[name])}`);
  if (type !== 'BPE') return problems;
  const vocabulary = isObject(model['vocab']) ? Object.values(model['vocab']) : [];
  if (vocabulary.length === 0 || !vocabulary.every(isId) || new Set(vocabulary).size !== vocabulary.length)
    problems.push('model.vocab: expected tokens with distinct ids >= 0');
  const merges = model['merges'];
  if (!Array.isArray(merges) || !merges.every(isMerge))
    problems.push('model.merges: expected pairs of tokens');
  return problems;
}

function partProblems(kind: PartKind, field: string, part: unknown): string[] {
  if (part === null || part === undefined) return [];
  if (!isObject(part)) return [`${field}: expected an object`];
  const type = part['type'] as string;
  if (type === 'Sequence') {
    const list = part[members[kind]];
    if (!Array.isArray(list)) return [`${field}.${members[kind]}: expected a list`];
    return list.flatMap((member, n) => partProblems(kind, `${field}.${members[kind]}[${n}]`, member));
  }
  if (!(supported[kind] as readonly string[]).includes(type))
    return [`${field}.type: expected one of ${supported[kind].join(', ')}, got ${show(type)}`];
  if (kind === 'pre_tokenizer' && type === 'Split') return splitProblems(field, part);
  return [];
}

function splitProblems(field: string, { behavior, invert }: Part): string[] {
  const removes = String(behavior).toLowerCase() === 'removed';
  if (!removes && String(behavior).toLowerCase() !== 'isolated')
    return [`${field}.behavior: expected "Isolated" or "Removed", got ${show(behavior)}`];
  return invert && !removes ? [`${field}.invert: expected false beside "Isolated", got true`] : [];
}

function addedTokenProblems(tokens: unknown): string[] {
  if (tokens === undefined || tokens === null) return [];
  if (!Array.isArray(tokens)) return ['added_tokens: expected a list'];
  return tokens.flatMap((token, n) => {
    if (
      !isObject(token) ||
      !isId(token['id']) ||
      typeof token['content'] !== 'string' ||
      token['content'] === ''
    )
      return [`added_tokens[${n}]: expected an id and a content`];
    return token['single_word'] ? [`added_tokens[${n}].single_word: expected false, got true`] : [];
  });
}

const isMerge = (merge: unknown): boolean =>
  typeof merge === 'string'
    ? merge.split(' ').length === 2
    : Array.isArray(merge) && merge.length === 2 && merge.every((side) => typeof side === 'string');

const isId = (id: unknown): boolean => Number.isInteger(id) && (id as number) >= 0;

export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export const show = (value: unknown): string => (value === undefined ? 'nothing' : JSON.stringify(value));
