/** The phases of the operations, as tags of messages and as words of error messages. */

export const phases = {
  ranges: 1,
  partialSums: 2,
  segments: 3,
  allGather: 4,
  broadcast: 5,
  barrier: 6,
} as const;
export type Phase = keyof typeof phases;

const words: Record<Phase, string> = {
  ranges: 'all-reduce (shard ranges)',
  partialSums: 'all-reduce (reduce-scatter)',
  segments: 'all-reduce (all-gather)',
  allGather: 'all-gather',
  broadcast: 'broadcast',
  barrier: 'barrier',
};

/** Bits below are the message's number within its phase. */
const phaseShift = 16;

export function tagOf(phase: Phase, index = 0): number {
  return phases[phase] * 2 ** phaseShift + index;
}

export function describeTag(tag: number): string {
  const code = Math.floor(tag / 2 ** phaseShift);
  const phase = (Object.keys(phases) as Phase[]).find((name) => phases[name] === code);
  return phase ? words[phase] : `unknown phase ${code}`;
}
