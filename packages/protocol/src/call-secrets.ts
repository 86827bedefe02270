/**
 * How a gRPC call says who makes it: a secret in its metadata, looked at before anything else of the call is. The secrets themselves,
 * and who knows which, are their owners' business.
 */
import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import {
  InterceptingCall,
  type Interceptor,
  type Metadata,
  ServerInterceptingCall,
  type ServerInterceptor,
} from '@grpc/grpc-js';
import { TriptychError } from './errors.ts';
import { toServiceError } from './grpc-error.ts';

/** Keys of metadata. */
export const secretKeys = {
  /** On Register: one or several join tokens, of which one must be known. */
  join: 'triptych-join-token',
  /** On every other call of the control service: the secret of the caller's lease. */
  lease: 'triptych-lease',
  /** On calls of a trainer: the secret that its worker gave when it registered. */
  trainer: 'triptych-trainer',
  /** On calls of the leader by other control planes: the secret of its term. */
  term: 'triptych-term',
} as const;
export type SecretKey = (typeof secretKeys)[keyof typeof secretKeys];

/** 256 bits, as text that any header may have. */
export const drawSecret = (): string => randomBytes(32).toString('base64url');

/** Takes as long whatever the texts are. */
export const isSameSecret = (left: string, right: string): boolean =>
  timingSafeEqual(digest(left), digest(right));

/** What somebody who knows `secret` says of `statement`, and nobody else can. */
export const proofOf = (secret: string, statement: string): string =>
  createHmac('sha256', secret).update(statement).digest('base64url');

/** What the process that has `secret` answers when it is asked who it is. Of no use as a proof of anything else. */
export const identityProof = (secret: string, challenge: string): string =>
  proofOf(secret, `identify\n${challenge}`);

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

/** What a call shows under `key`; HTTP/2 makes one text with commas of several. */
export const shownIn = (metadata: Metadata, key: SecretKey): string[] =>
  metadata.get(key).flatMap((value) => (typeof value === 'string' ? value.split(/,\s*/) : []));

/** For a client: every call shows what the secret is at the time. */
export const presenting =
  (key: SecretKey, secret: () => string | undefined): Interceptor =>
  (options, nextCall) =>
    new InterceptingCall(nextCall(options), {
      start: (metadata, listener, next) => {
        const shown = secret();
        if (shown) metadata.set(key, shown);
        next(metadata, listener);
      },
    });

/** Throws a {@link TriptychError} for a call that is to be refused. */
export type CallCheck = (metadata: Metadata) => void;

/** For a server: a call that its check refuses ends before its messages are read. `checkOf` gives none for what needs none. */
export const guarding =
  (checkOf: (path: string) => CallCheck | undefined): ServerInterceptor =>
  ({ path }, call) => {
    const check = checkOf(path);
    // A call of bulk data has no need of another layer.
    if (!check) return call as ServerInterceptingCall;
    return new ServerInterceptingCall(call, {
      start: (next) =>
        next({
          onReceiveMetadata: (metadata, goOn) => {
            try {
              check(metadata);
            } catch (error) {
              call.sendStatus(toServiceError(error, 'The call could not be checked'));
              return;
            }
            goOn(metadata);
          },
        }),
    });
  };

export const unauthenticated = (message: string): TriptychError =>
  new TriptychError('UNAUTHENTICATED', message);
