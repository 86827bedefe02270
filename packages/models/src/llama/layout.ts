import { ParameterLayout } from '@triptych/nn';
import type { LlamaConfig } from '../catalog/llama-config.ts';
import { llamaParameters } from '../catalog/llama-parameters.ts';

/** Where every parameter of the decoder lies in the one flat buffer. */
export const llamaLayout = (config: LlamaConfig): ParameterLayout =>
  new ParameterLayout(llamaParameters(config));
