/** A run that is not on record any more is nothing to worry about: for the promise of whoever asked for it. */
import { TriptychError } from '@triptych/protocol';

/** To be given to `catch`. @throws every other error */
export const ignoreMissing = (error: unknown): undefined => {
  if (error instanceof TriptychError && error.code === 'NOT_FOUND') return;
  throw error;
};
