import { ParameterLayout } from '@triptych/nn';
import type { FlamingoConfig } from './config.ts';
import { flamingoParameters } from './parameters.ts';

/** Where every parameter of the model lies in one flat buffer. */
export const flamingoLayout = (config: FlamingoConfig): ParameterLayout =>
  new ParameterLayout(flamingoParameters(config));
