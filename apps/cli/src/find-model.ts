/** The model that a user means by its id, its name, or the run that trained it. */
import { type Model, TriptychError } from '@triptych/protocol';
import type { CommandContext } from './context.ts';

/** @throws TriptychError NOT_FOUND. */
export async function findModel(context: CommandContext, id: string): Promise<Model> {
  const { models, runs } = context.client();
  const call = { signal: context.signal };
  try {
    return await models.get(id, call);
  } catch (error) {
    if (!(error instanceof TriptychError) || error.code !== 'NOT_FOUND') throw error;
  }
  const run = await runs.get(id, call).catch((error: unknown) => {
    if (!(error instanceof TriptychError) || error.code !== 'NOT_FOUND') throw error;
    throw new TriptychError('NOT_FOUND', `There is no model and no run ${id}; see: triptych models list`);
  });
  if (run.modelId !== undefined) return models.get(run.modelId, call);
  throw new TriptychError('NOT_FOUND', `Run ${id} is ${run.status}: it has no trained model`);
}
