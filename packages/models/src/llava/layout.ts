import { ParameterLayout } from '@triptych/nn';
import type { LlavaConfig } from './config.ts';
import { llavaParameters } from './parameters.ts';

/** Where every parameter of the model lies in the one flat buffer. */
export const llavaLayout = (config: LlavaConfig): ParameterLayout =>
  new ParameterLayout(llavaParameters(config));
