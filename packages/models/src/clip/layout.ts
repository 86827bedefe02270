import { ParameterLayout } from '@triptych/nn';
import type { ClipConfig } from '../catalog/clip-config.ts';
import { clipParameters } from '../catalog/clip-parameters.ts';

/** Where every parameter of the model lies in the one flat buffer. */
export const clipLayout = (config: ClipConfig): ParameterLayout =>
  new ParameterLayout(clipParameters(config));
