/** /v1/workers, and what operators ask of the process itself: /health/live, /health/ready, /metrics. */
import { Health, TriptychError, WorkerPage } from '@triptych/protocol';
import { Type } from 'typebox';
import { knownReason } from '../store/outage.ts';
import { problems } from './answer-schema.ts';
import type { App } from './app.ts';
import type { Services } from './services.ts';

const Metrics = Type.String({ contentMediaType: 'text/plain', description: 'Text format of Prometheus' });

export function fleetRoutes(app: App, services: Services): void {
  const { workers, database, queue, registry, leadership } = services;
  const tags = ['fleet'];

  app.get(
    '/v1/workers',
    {
      config: { scope: 'read' },
      schema: {
        tags,
        operationId: 'listWorkers',
        summary: 'Workers that are here, and those that were lost in the last ten minutes',
        response: { 200: WorkerPage, ...problems() },
      },
    },
    async () => ({ items: await workers.list({ now: new Date() }) }),
  );

  app.get(
    '/health/live',
    {
      schema: {
        tags,
        operationId: 'getLiveness',
        summary: 'Whether the process answers',
        response: { 200: Health },
      },
    },
    () => ({ status: 'live' }),
  );

  app.get(
    '/health/ready',
    {
      schema: {
        tags,
        operationId: 'getReadiness',
        summary:
          'Whether runs can be taken: database and queue answer, and the database has room; and whether this control plane leads',
        response: { 200: Health, ...problems() },
      },
    },
    async () => {
      const needs = { database: database.ping(), queue: queue.depth() };
      const outcomes = await Promise.allSettled(Object.values(needs));
      const down = Object.keys(needs).flatMap((name, i) => {
        const outcome = outcomes[i];
        if (outcome?.status !== 'rejected') return [];
        return [knownReason(outcome.reason) ?? `the ${name} cannot be reached`];
      });
      if (down.length > 0) throw new TriptychError('UNAVAILABLE', `Not ready: ${down.join(' and ')}`);
      return { status: 'ready', role: leadership.isLeading ? ('leader' as const) : ('follower' as const) };
    },
  );

  app.get(
    '/metrics',
    {
      schema: { tags, operationId: 'getMetrics', summary: 'Prometheus metrics', response: { 200: Metrics } },
    },
    async (_, reply) => reply.type(registry.contentType).send(await registry.metrics()),
  );
}
