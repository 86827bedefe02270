/** What scoring gives: figures of merit, each with its unit, and with what it was computed from. */
import type { Unit } from './format.ts';

/** One figure of merit. */
export interface ScoreValue {
  /** Its name in the catalogue of metrics, which says what it equals. */
  readonly metric: string;
  readonly value: number;
  readonly unit: Unit;
  /** What guessing would give, where that is known. */
  readonly chance?: number;
}

/**
 * A score that can be computed again with some samples counted several times and others not at all: what confidence
 * intervals and comparisons need.
 */
export interface Statistic extends ScoreValue {
  /** How many samples it covers. */
  readonly samples: number;
  /** Which of them, where not all: one answer type among several, say. */
  readonly group?: Group;
  /**
   * The value with each cluster counted `weights[cluster]` times; not a number where nothing counts that it could be computed
   * from. `value` is the one with every cluster counted once.
   */
  of(weights: Weights): number;
  /** What each sample contributes, where the metric has such figures; in the unit of the score. */
  readonly perSample?: PerSample;
}

/** What is reported of a statistic. */
export const scoreValue = ({ metric, value, unit, chance }: Statistic): ScoreValue => ({
  ...{ metric, value, unit },
  ...(chance !== undefined && { chance }),
});

export interface Group {
  /** What the samples have in common: "answer type". */
  readonly by: string;
  readonly name: string;
}

export interface PerSample {
  readonly ids: readonly string[];
  readonly values: ArrayLike<number>;
}

/** [clusters] */
export type Weights = ArrayLike<number>;

/** What belongs together and is drawn together: the samples of one image are not independent of each other. */
export interface Clusters {
  readonly count: number;
  /** [samples]: the cluster of each. */
  readonly of: Int32Array;
}

/** One cluster for each different key, in the order in which they come. */
export function clustersOf(keys: readonly string[]): Clusters {
  const known = new Map<string, number>();
  const of = Int32Array.from(keys, (key) => {
    const cluster = known.get(key) ?? known.size;
    known.set(key, cluster);
    return cluster;
  });
  return { count: known.size, of };
}

/** Every sample on its own. */
export const eachAlone = (samples: number): Clusters => ({
  count: samples,
  of: Int32Array.from({ length: samples }, (_, sample) => sample),
});

export interface MeanOptions extends Pick<ScoreValue, 'metric' | 'unit' | 'chance'> {
  readonly ids: readonly string[];
  readonly values: ArrayLike<number>;
  readonly clusters: Clusters;
  readonly group?: Group;
  /** Which samples it covers; all where left out. */
  readonly among?: readonly number[];
}

/** The score that is the mean over samples. */
export function meanOfSamples({ ids, values, clusters, among, ...named }: MeanOptions): Statistic {
  const chosen = among ? among.map((sample) => values[sample]!) : values;
  const sums = new Float64Array(clusters.count);
  const counts = new Float64Array(clusters.count);
  for (let i = 0; i < chosen.length; i++) {
    const cluster = clusters.of[among ? among[i]! : i]!;
    sums[cluster]! += chosen[i]!;
    counts[cluster]! += 1;
  }
  return {
    ...named,
    value: mean(chosen),
    samples: chosen.length,
    of(weights) {
      let sum = 0;
      let count = 0;
      for (let cluster = 0; cluster < sums.length; cluster++) {
        sum += weights[cluster]! * sums[cluster]!;
        count += weights[cluster]! * counts[cluster]!;
      }
      return sum / count;
    },
    perSample: { ids: among ? among.map((sample) => ids[sample]!) : ids, values: chosen },
  };
}

/** The samples of each name, names in order of the alphabet; samples without one are in none. */
export function samplesByName(names: readonly (string | undefined)[]): Map<string, number[]> {
  const found = new Map<string, number[]>();
  for (const [sample, name] of names.entries()) {
    if (name === undefined) continue;
    const samples = found.get(name);
    if (samples) samples.push(sample);
    else found.set(name, [sample]);
  }
  return new Map([...found].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Not a number for none. */
export function mean(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]!;
  return sum / values.length;
}
