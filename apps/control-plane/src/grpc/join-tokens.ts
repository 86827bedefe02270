/** Who may register: whoever shows one of the join tokens. */
import type { Metadata } from '@grpc/grpc-js';
import {
  invalidInput,
  isLoopback,
  isSameSecret,
  secretKeys,
  shownIn,
  unauthenticated,
} from '@triptych/protocol';

/** @throws TriptychError `UNAUTHENTICATED`. Without tokens nobody is asked for one. */
export function assertMayJoin(tokens: readonly string[], metadata: Metadata): void {
  if (tokens.length === 0) return;
  // A few are shown while they are being replaced; a long list is a guess.
  const shown = shownIn(metadata, secretKeys.join).slice(0, 8);
  // Every pair is compared: how long it takes tells nothing.
  const pairs = shown.flatMap((one) => tokens.map((token) => isSameSecret(one, token)));
  if (pairs.includes(true)) return;
  throw unauthenticated(
    shown.length === 0
      ? 'The control plane asks workers for a join token; set TRIPTYCH_JOIN_TOKEN (or TRIPTYCH_JOIN_TOKEN_FILE) on this worker to one of its'
      : 'The control plane does not know this join token; set TRIPTYCH_JOIN_TOKEN (or TRIPTYCH_JOIN_TOKEN_FILE) on this worker to one of its',
  );
}

/**
 * Whoever reaches the port could pose as a worker, read every artifact and change every result.
 * @throws TriptychError `INVALID_INPUT`
 */
export function assertMayListen(options: {
  readonly host: string;
  readonly joinTokens: readonly string[];
  readonly auth: 'on' | 'off';
}): void {
  const { host, joinTokens, auth } = options;
  if (joinTokens.length > 0 || auth === 'off' || isLoopback(host)) return;
  throw invalidInput('environment', [
    {
      path: 'TRIPTYCH_JOIN_TOKEN',
      expected: `a secret that workers show, because TRIPTYCH_GRPC_HOST=${host} lets other machines in`,
      actual: 'nothing',
      remedy:
        'set it (or TRIPTYCH_JOIN_TOKEN_FILE) here and on every worker, for instance to what `openssl rand -base64 32` prints, or set TRIPTYCH_AUTH=off to let anybody in who reaches the port',
    },
  ]);
}
