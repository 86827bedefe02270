/** What is scored, as scorers get it: the content of files, without the files. */

export interface ScoreFile {
  /** For messages. */
  readonly name: string;
  /** What `parseLenient` made of it, or tensors by name. */
  readonly content: unknown;
}

export const fileRoles = ['predictions', 'references', 'questions', 'corpus'] as const;
export type FileRole = (typeof fileRoles)[number];

export type ScoreFiles = { readonly predictions: ScoreFile; readonly references: ScoreFile } & Readonly<
  Partial<Record<FileRole, ScoreFile>>
>;

export interface NamedTensor {
  readonly shape: readonly number[];
  readonly values: ArrayLike<number>;
}

/** A file of tensors (safetensors). */
export class Tensors {
  readonly #tensors: ReadonlyMap<string, NamedTensor>;

  constructor(tensors: ReadonlyMap<string, NamedTensor>) {
    this.#tensors = tensors;
  }

  get names(): string[] {
    return [...this.#tensors.keys()];
  }

  get(name: string): NamedTensor | undefined {
    return this.#tensors.get(name);
  }
}

export type Fields = Readonly<Record<string, unknown>>;

export const isObject = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Tensors);

/** An id as text: 17, 17.0 and "17" are the same one. Undefined for what is no id. */
export function idOf(value: unknown): string | undefined {
  if (typeof value === 'string' && value !== '') return value;
  return typeof value === 'number' && Number.isFinite(value) ? String(value) : undefined;
}
