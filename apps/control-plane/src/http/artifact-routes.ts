/** /v1/artifacts: what nothing refers to any more. */
import { Collection } from '@triptych/protocol';
import { problems } from './answer-schema.ts';
import type { App } from './app.ts';
import type { Services } from './services.ts';

export function artifactRoutes(app: App, { leader }: Services): void {
  app.post(
    '/v1/artifacts/collections',
    {
      config: { scope: 'operate' },
      schema: {
        tags: ['fleet'],
        operationId: 'collectArtifacts',
        summary:
          'Remove artifacts that nothing refers to now, instead of within minutes; answers when that is done',
        response: { 200: Collection, ...problems() },
      },
    },
    () => leader.collect(),
  );
}
