/** One figure of merit. */
export interface ScoreValue {
  readonly metric: string;
  readonly value: number;
  /** `ratio`: between 0 and 1, shown as a percentage. `number`: as it is; CIDEr-D 1.12 is not 112 %. */
  readonly unit: 'ratio' | 'number';
  /** What guessing would give, where that is known. */
  readonly chance?: number;
}
