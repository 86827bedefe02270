/** What the ranks of one generation prove to each other. */
import { drawSecret, proofOf, type worker } from '@triptych/protocol';
import type { Contact } from '../registry/worker-secrets.ts';
import type { PlacedRank } from '../store/run-store.ts';

/**
 * Another one for each generation, and the same again for a control plane that comes back in the middle of it: a rank that the
 * first one had not yet called must find its group. So it is made of what every worker of the generation told its control
 * plane alone, when it registered; of all of them, so that none of them can make that of a generation it is not in.
 */
export function groupSecretOf(
  { runId, attempt, generation }: Pick<worker.TrainRequest, 'runId' | 'attempt' | 'generation'>,
  ranks: readonly PlacedRank[],
  contactOf: (placed: PlacedRank) => Contact | undefined,
): string {
  // A worker that is not known here cannot be called: its generation does not come about.
  const secrets = ranks.map((placed) => contactOf(placed)?.trainerSecret ?? drawSecret());
  return proofOf(secrets.join('\n'), `group\n${runId}\n${attempt}\n${generation}`);
}
