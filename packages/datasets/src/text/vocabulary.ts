/** What every tokenizer is to a model's folder: so many rows of a token table, and the files that say which. */
export interface Vocabulary {
  /** One more than the highest id. */
  readonly vocabSize: number;
  /** The files by name, as Hugging Face lays them out. */
  files(): Record<string, string>;
}
