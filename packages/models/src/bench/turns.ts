/** Competitors side by side: each is started and warmed up, all are compared, then they take turns, round by round. */
import { Competitor, type CompetitorOptions } from './competitor.ts';

export interface Contest<T> {
  readonly competitors: readonly CompetitorOptions[];
  readonly rounds: number;
  warmUp(competitor: Competitor): Promise<T>;
  /** @throws Error where they do not compute the same. */
  compare?(all: readonly { readonly name: string; readonly warmUp: T }[]): void;
  round(competitor: Competitor): Promise<T>;
}

export interface Turns<T> {
  readonly name: string;
  readonly engine: string;
  readonly warmUp: T;
  readonly rounds: readonly T[];
}

/** In the order of the competitors, whose processes have ended. */
export async function takeTurns<T>(contest: Contest<T>): Promise<Turns<T>[]> {
  const running: Competitor[] = [];
  try {
    const turns: (Turns<T> & { readonly rounds: T[] })[] = [];
    for (const options of contest.competitors) {
      const { competitor, engine } = await Competitor.start(options);
      running.push(competitor);
      turns.push({ name: competitor.name, engine, warmUp: await contest.warmUp(competitor), rounds: [] });
    }
    contest.compare?.(turns);
    for (let round = 0; round < contest.rounds; round++)
      for (const [i, competitor] of running.entries()) turns[i]!.rounds.push(await contest.round(competitor));
    return turns;
  } finally {
    for (const competitor of running) competitor.stop();
  }
}
