/** Whom a link connects, as its metadata says it: run, attempt, generation and the two ranks. */
import type { Metadata } from '@grpc/grpc-js';

/** One fixed membership of a run. Later attempts, and later generations of an attempt, take over from earlier ones. */
export interface Generation {
  readonly runId: string;
  readonly attempt: number;
  readonly generation: number;
}

export interface LinkIdentity extends Generation {
  readonly from: number;
  readonly to: number;
  readonly worldSize: number;
}

const runKey = 'triptych-run';
const numberKeys = {
  attempt: 'triptych-attempt',
  generation: 'triptych-generation',
  from: 'triptych-from-rank',
  to: 'triptych-to-rank',
  worldSize: 'triptych-world-size',
} as const;

export function writeIdentity(identity: LinkIdentity, metadata: Metadata): void {
  metadata.set(runKey, identity.runId);
  for (const [field, key] of Object.entries(numberKeys)) {
    metadata.set(key, String(identity[field as keyof typeof numberKeys]));
  }
}

/** Undefined where a field is missing or no whole number. */
export function readIdentity(metadata: Metadata): LinkIdentity | undefined {
  const [runId] = metadata.get(runKey);
  const numbers: Record<string, number> = {};
  for (const [field, key] of Object.entries(numberKeys)) {
    const [text] = metadata.get(key);
    if (typeof text !== 'string' || !/^\d{1,15}$/.test(text)) return undefined;
    numbers[field] = Number(text);
  }
  if (typeof runId !== 'string') return undefined;
  return { runId, ...(numbers as Omit<LinkIdentity, 'runId'>) };
}

/** Negative where `left` is earlier than `right`, of the same run. */
export function compareGenerations(left: Generation, right: Generation): number {
  return left.attempt - right.attempt || left.generation - right.generation;
}

export function describeGeneration({ runId, attempt, generation }: Generation): string {
  return `run ${runId}, attempt ${attempt}, generation ${generation}`;
}
