/** What is asked over REST, in the audit: acts that a store has not written down already, and all that was refused. */
import type { ErrorCode } from '@triptych/protocol';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Refusals } from '../access/refusals.ts';
import type { AuditLog, Told } from '../store/audit-log.ts';
import type { App } from './app.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Code of the problem that was the answer. */
    problem: ErrorCode | undefined;
  }
}

/** These are told of every route, the others of those that change something. */
const ACCESS_REFUSED = [401, 403, 429];

export function keepAudit(app: App, audit: Pick<AuditLog, 'record'>): void {
  const refusals = new Refusals({ record: (told) => audit.record(told) });
  app.decorateRequest('problem', undefined);
  app.addHook('onResponse', async (request, reply) => {
    const { statusCode } = reply;
    const isAudited = changesSomething(request);
    if (!(isAudited || ACCESS_REFUSED.includes(statusCode))) return;
    try {
      const told = toldOf(request, reply);
      if (told && statusCode >= 400) await refusals.add(told);
      else if (told && request.act?.recorded === false) await audit.record(told);
    } catch (err) {
      request.log.error({ event: 'audit-failed', err }, 'An entry of the audit could not be written');
    }
  });
  app.addHook('onClose', () => refusals.flush());
}

function changesSomething({ method, routeOptions }: FastifyRequest): boolean {
  const { scope, audited = scope !== undefined && scope !== 'read' && scope !== 'open' } =
    routeOptions.config;
  return audited && method !== 'GET' && method !== 'HEAD';
}

function toldOf({ act, params, problem }: FastifyRequest, reply: FastifyReply): Told | undefined {
  if (!act) return undefined;
  const { recorded: _, ...who } = act;
  const { id } = (params ?? {}) as { id?: string };
  const location = reply.getHeader('location');
  const made = typeof location === 'string' ? location.split('/').at(-1) : undefined;
  const { statusCode } = reply;
  const outcome = statusCode < 400 ? 'done' : statusCode < 500 ? 'refused' : 'failed';
  return { ...who, subject: id ?? made, outcome, code: problem };
}
