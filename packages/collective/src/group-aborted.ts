/** Why a group ended. Internal to the package: the process group turns it into a TriptychError at its boundary. */
import { setMaxListeners } from 'node:events';

/** `rank` is the one to blame: the rank that failed, died or was cut off, not the one that noticed. */
export class GroupAborted extends Error {
  readonly rank: number;

  constructor(rank: number, reason: string, cause?: unknown) {
    super(reason, cause === undefined ? undefined : { cause });
    this.name = 'GroupAborted';
    this.rank = rank;
  }
}

/** The abort of a group in which `rank` failed with `error`; an abort that is passed on keeps whom it blames. */
export function abortedBy(rank: number, error: unknown): GroupAborted {
  if (error instanceof GroupAborted) return error;
  return new GroupAborted(rank, error instanceof Error ? error.message : String(error), error);
}

/** A group's own abort: every transfer that waits listens to it, so the usual warning at ten listeners is off. */
export function groupAbortController(): AbortController {
  const controller = new AbortController();
  setMaxListeners(0, controller.signal);
  return controller;
}

/** Settles as `promise` does, or rejects with the signal's reason as soon as that is aborted. */
export async function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  const { promise: aborted, reject } = withResolvers<never>();
  const onAbort = () => reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/** Promise.withResolvers, which Node 20 does not have. */
export function withResolvers<T>(): {
  promise: Promise<T>;
  resolve: (value: T) => void;
  reject: (error: unknown) => void;
} {
  let resolve!: (value: T) => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<T>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  return { promise, resolve, reject };
}
