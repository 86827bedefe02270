/**
 * The bookkeeping of one prompt's beam search, pure: which sequences go on and which have ended, with the rules of
 * Hugging Face (`GenerationMixin._beam_search`), so that scores of published models can be reproduced.
 */
export interface BeamRules {
  /** Sequences that go on at the same time, and most that are returned. */
  readonly beams: number;
  /**
   * An ended sequence of n tokens, the stop token among them, is ranked by `log probability / n^lengthPenalty`: above 0
   * favours long sequences, 0 compares log probabilities. Default 1; OpenFlamingo evaluates with 0.
   */
  readonly lengthPenalty?: number;
  /**
   * When a prompt is done. `true`: once `beams` sequences have ended. `false` (default): once the best that goes on,
   * ranked as if it ended now, is no better than the worst that has ended. `never`: the same, but with a penalty above
   * 0 it is ranked as if it ended at full length, so that nothing better can be missed.
   */
  readonly earlyStopping?: boolean | 'never';
}

export interface Candidate {
  /** Which of `running` it continues. */
  readonly parent: number;
  readonly token: number;
  /** The log probability of all its tokens. */
  readonly logProbability: number;
}

export interface RunningBeam extends Candidate {
  readonly tokens: readonly number[];
}

export interface EndedBeam {
  /** Without the stop token. */
  readonly tokens: readonly number[];
  readonly score: number;
  readonly reason: 'stop' | 'length';
}

export class Hypotheses {
  readonly #rules: Required<BeamRules>;
  readonly #maxNewTokens: number;
  readonly #stops: ReadonlySet<number>;
  #running: readonly RunningBeam[] = [{ parent: 0, token: -1, logProbability: 0, tokens: [] }];
  #ended: readonly EndedBeam[] = [];
  #length = 0;

  constructor(
    rules: BeamRules,
    { maxNewTokens, stopTokens }: { maxNewTokens: number; stopTokens: readonly number[] },
  ) {
    this.#rules = { lengthPenalty: 1, earlyStopping: false, ...rules };
    this.#maxNewTokens = maxNewTokens;
    this.#stops = new Set(stopTokens);
  }

  /** Candidates that one step needs: enough that `beams` of them go on even if every stop token is among them. */
  get candidates(): number {
    return Math.max(2, 1 + this.#stops.size) * this.#rules.beams;
  }

  /** What goes on, the best first; empty when this prompt is done. Parents are places in the list before. */
  get running(): readonly RunningBeam[] {
    return this.#running;
  }

  /** What has ended, the best first. */
  get ended(): readonly EndedBeam[] {
    return this.#ended;
  }

  /** One step: `candidates` are the most probable continuations, the best first. */
  advance(candidates: readonly Candidate[]): void {
    const { beams } = this.#rules;
    this.#length++;
    const full = this.#length === this.#maxNewTokens;
    const ends = ({ token }: Candidate) => full || this.#stops.has(token);
    const before = this.#running;
    const ended = candidates
      .slice(0, beams)
      .filter(ends)
      .map((candidate) => this.#end(candidate, before));
    this.#ended = [...this.#ended, ...ended].toSorted((a, b) => b.score - a.score).slice(0, beams);
    this.#running = candidates
      .filter((candidate) => !ends(candidate))
      .slice(0, beams)
      .map((candidate) => ({ ...candidate, tokens: tokensOf(candidate, before) }));
    if (!this.#canImprove()) this.#running = [];
  }

  #end(candidate: Candidate, before: readonly RunningBeam[]): EndedBeam {
    const stopped = this.#stops.has(candidate.token);
    return {
      tokens: stopped ? before[candidate.parent]!.tokens : tokensOf(candidate, before),
      score: candidate.logProbability / this.#length ** this.#rules.lengthPenalty,
      reason: stopped ? 'stop' : 'length',
    };
  }

  #canImprove(): boolean {
    const { beams, lengthPenalty, earlyStopping } = this.#rules;
    const [best] = this.#running;
    if (best === undefined) return false;
    if (this.#ended.length < beams) return true;
    if (earlyStopping === true) return false;
    const length = earlyStopping === 'never' && lengthPenalty > 0 ? this.#maxNewTokens : this.#length;
    return best.logProbability / length ** lengthPenalty > this.#ended.at(-1)!.score;
  }
}

const tokensOf = ({ parent, token }: Candidate, before: readonly RunningBeam[]): readonly number[] => [
  ...before[parent]!.tokens,
  token,
];
