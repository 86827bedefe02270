/**
 * How much anybody may ask: requests by principal (by address, where nobody is told), what cannot be authenticated by address
 * and more strictly, and nothing of the API while the process is too busy to answer in time. Each process counts for itself.
 */
import rateLimit, { normalizeIP } from '@fastify/rate-limit';
import underPressure from '@fastify/under-pressure';
import { TriptychError } from '@triptych/protocol';
import type { FastifyRequest } from 'fastify';
import type { App } from './app.ts';

export interface LimitOptions {
  readonly requestsPerMinute: number;
  /** Requests of one address that show a wrong token, or none. */
  readonly refusalsPerMinute: number;
  /** Mean delay of the event loop over a second. */
  readonly busyMs: number;
}

export const defaultLimits: LimitOptions = { requestsPerMinute: 6000, refusalsPerMinute: 60, busyMs: 2000 };

export interface Limits {
  /** `TOO_MANY_REQUESTS` where whoever asks has asked too often. */
  assertWithin(request: FastifyRequest): Promise<void>;
  /** The same for a request that could not be authenticated, which it counts. */
  assertPatient(request: FastifyRequest): Promise<void>;
}

/** Must come before whoever asks for the limits. */
export async function limitRequests(app: App, options: LimitOptions): Promise<Limits> {
  await app.register(underPressure, {
    maxEventLoopDelay: options.busyMs,
    // Who checks the health of a busy process must not hear that it is dead.
    pressureHandler: async ({ url }) => {
      if (!url.startsWith('/v1')) return;
      throw new TriptychError('UNAVAILABLE', 'The control plane is too busy to answer in time; try again', {
        retryAfterSeconds: 5,
      });
    },
  });
  await app.register(rateLimit, { global: false });
  const addressOf = ({ ip }: FastifyRequest) => normalizeIP(ip);
  const requests = app.createRateLimit({
    max: options.requestsPerMinute,
    timeWindow: 60_000,
    keyGenerator: (request) =>
      request.principal ? `principal ${request.principal.name}` : `address ${addressOf(request)}`,
  });
  const refusals = app.createRateLimit({
    max: options.refusalsPerMinute,
    timeWindow: 60_000,
    keyGenerator: addressOf,
  });
  const assert = async (limit: typeof requests, request: FastifyRequest, what: string) => {
    const count = await limit(request);
    if (count.isAllowed || !count.isExceeded) return;
    throw new TriptychError(
      'TOO_MANY_REQUESTS',
      `More than ${count.max} ${what} within a minute; try again in ${count.ttlInSeconds} s`,
      { retryAfterSeconds: count.ttlInSeconds },
    );
  };
  return {
    assertWithin: (request) => assert(requests, request, 'requests'),
    assertPatient: (request) => assert(refusals, request, 'requests without a valid token'),
  };
}
