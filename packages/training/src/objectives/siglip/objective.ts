import { contrastive } from '../contrastive.ts';
import { sigLip } from './pair-loss.ts';

export const objective = contrastive(sigLip);
