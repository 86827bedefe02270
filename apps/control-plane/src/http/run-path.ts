/** /v1/runs/{id}: the part of a path that says which run, by its id or the name that its owner gave it. */
import { IdOrName } from '@triptych/protocol';
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import type { Services } from './services.ts';

export const RunParams = Type.Object({ id: IdOrName('a run') });

/** For every route under that path: its handler then finds the id, whichever was sent. `NOT_FOUND` where there is no such run. */
export const byIdOrName = ({ runs }: Pick<Services, 'runs'>) => ({
  preHandler: async (request: FastifyRequest<{ Params: { id: string } }>): Promise<void> => {
    request.params.id = await runs.idOf(request.params.id);
  },
});
