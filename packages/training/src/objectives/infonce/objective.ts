import { contrastive } from '../contrastive.ts';
import { infoNce } from './pair-loss.ts';

export const objective = contrastive(infoNce);
