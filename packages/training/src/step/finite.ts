/** Stops a run whose numbers have exploded. Every rank decides alike. */
import { TriptychError } from '@triptych/protocol';

export const NOT_FINITE_REMEDY = 'lower the learning rate, warm up for longer, or look at these samples';

/** @throws TriptychError LOSS_NOT_FINITE. */
export function assertFiniteLoss(result: { loss: number; gradientNorm: number; step: number }): void {
  const { loss, gradientNorm, step } = result;
  if (Number.isFinite(loss) && Number.isFinite(gradientNorm)) return;
  throw new TriptychError(
    'LOSS_NOT_FINITE',
    `The loss is ${loss} and the norm of its gradient ${gradientNorm} at step ${step}; ${NOT_FINITE_REMEDY}`,
  );
}
