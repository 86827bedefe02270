/**
 * Whom a link connects, as its metadata says it: run, attempt, generation and the two ranks; and the proof of it, which only who has
 * the generation's secret can make. The secret itself is never sent from rank to rank.
 */
import type { Metadata } from '@grpc/grpc-js';
import { isSameSecret, proofOf } from '@triptych/protocol';

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

/** Who says it: the one that dials, or the one that takes the call. A proof of the one is none of the other. */
export type LinkEnd = 'dials' | 'accepts';

const runKey = 'triptych-run';
const proofKey = 'triptych-proof';
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

/** Puts the proof that this end belongs to the link into its metadata. */
export function writeProof(metadata: Metadata, link: LinkProof): void {
  metadata.set(proofKey, proofOf(link.secret, statementOf(link)));
}

export function isProven(metadata: Metadata, link: LinkProof): boolean {
  const [shown] = metadata.get(proofKey);
  return typeof shown === 'string' && isSameSecret(shown, proofOf(link.secret, statementOf(link)));
}

export interface LinkProof {
  readonly secret: string;
  readonly identity: LinkIdentity;
  readonly end: LinkEnd;
}

const statementOf = ({ identity, end }: LinkProof): string => {
  const { runId, attempt, generation, from, to, worldSize } = identity;
  return JSON.stringify([end, runId, attempt, generation, from, to, worldSize]);
};
