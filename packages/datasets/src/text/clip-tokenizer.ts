export class ClipTokenizer {
  readonly vocabSize: number = 0;
  readonly startToken: number = 0;
  readonly endToken: number = 0;
  static train(_captions: Iterable<string>, _vocabSize: number): ClipTokenizer {
    throw new Error('not yet');
  }
  static fromFiles(_files: { 'vocab.json': string; 'merges.txt': string }): ClipTokenizer {
    throw new Error('not yet');
  }
  files(): Record<string, string> {
    throw new Error('not yet');
  }
  /** SOT, tokens, EOT, then padded with EOT to `contextLength`; cut with a final EOT where longer. */
  encode(_text: string, _contextLength: number): Int32Array {
    throw new Error('not yet');
  }
}
