/** A score of files: what it reads, and the statistics that come out. A new one is a file here, and a line in registry.ts. */
import type { MissingPolicy } from '../files/predicted-texts.ts';
import type { FileRole, ScoreFiles } from '../files/score-file.ts';
import type { MetricCard } from '../metrics.ts';
import type { Statistic } from '../score.ts';

export interface FileCard {
  readonly role: FileRole;
  /** Its form, for people. */
  readonly form: string;
  readonly optional?: true;
}

export interface ScoreOptions {
  readonly missing: MissingPolicy;
}

export interface Scored {
  readonly statistics: readonly Statistic[];
  /** What is drawn together for confidence intervals, and how many of these there are: "image". */
  readonly clusters: { readonly what: string; readonly count: number };
  /** What a reader of the figures should know. */
  readonly notes: readonly string[];
}

export interface Scorer {
  readonly name: string;
  readonly description: string;
  readonly files: readonly FileCard[];
  /** By name. */
  readonly metrics: Readonly<Record<string, MetricCard>>;
  /** @throws ProblemsFound with everything that is wrong with the files. */
  score(files: ScoreFiles, options: ScoreOptions): Scored;
}
