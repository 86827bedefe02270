/** One figure of merit, between 0 and 1, and what guessing would give. */
export interface ScoreValue {
  readonly metric: string;
  readonly value: number;
  readonly chance: number;
}
