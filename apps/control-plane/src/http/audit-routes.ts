/** /v1/audit: who did what, for admins. */
import { AuditPage, AuditQuery } from '@triptych/protocol';
import { problems } from './answer-schema.ts';
import type { App } from './app.ts';
import type { Services } from './services.ts';

export function auditRoutes(app: App, { audit }: Services): void {
  app.get(
    '/v1/audit',
    {
      config: { scope: 'admin' },
      schema: {
        tags: ['access'],
        operationId: 'listAuditEntries',
        summary: 'Who did what, when and from where, newest first',
        querystring: AuditQuery,
        response: { 200: AuditPage, ...problems(422) },
      },
    },
    (request) => audit.list(request.query),
  );
}
