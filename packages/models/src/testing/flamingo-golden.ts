/** The whole-model golden cases: a vision tower, a decoder and what OpenFlamingo saves, put together. */

import { readFileSync } from 'node:fs';
import { Parameters, readSafetensors } from '@triptych/nn';
import { composeConfig, composeWeights, type OpenFlamingoConfig } from '../flamingo/composition.ts';
import type { FlamingoConfig } from '../flamingo/config.ts';
import { flamingoLayout } from '../flamingo/layout.ts';
import { flamingoParameters } from '../flamingo/parameters.ts';
import { splitTokenTable } from '../flamingo/token-rows.ts';
import type { GroupedTensor } from '../grouped-tensor.ts';
import { anyNames } from '../weights/dialect.ts';
import { flattenWeights, weightsInMemory } from '../weights/weight-file.ts';
import { type GoldenCase, openCase } from './golden.ts';

export interface FlamingoCase extends GoldenCase {
  readonly case: string;
  readonly flamingo: FlamingoConfig;
  readonly parameters: readonly GroupedTensor[];
  /** The flat buffer of `flamingoLayout(flamingo)`. */
  readonly flat: () => Float32Array;
}

export function openFlamingoCase(name: string): FlamingoCase {
  const golden = openCase(name);
  const read = (file: string) => readFileSync(new URL(`../../fixtures/${name}/${file}`, import.meta.url));
  const json = (file: string): unknown => JSON.parse(read(file).toString());
  const weightsOf = (file: string) => weightsInMemory(readSafetensors(new Uint8Array(read(file))), anyNames);
  const flamingo = composeConfig(golden.config as OpenFlamingoConfig, {
    vision: json('vision/config.json'),
    language: json('language/config.json'),
  });
  const weights = composeWeights({
    vision: weightsOf('vision/model.safetensors'),
    language: weightsOf('language/model.safetensors'),
    trained: weightsInMemory(golden.weights, anyNames),
  });
  return {
    ...golden,
    case: name,
    flamingo,
    parameters: flamingoParameters(flamingo),
    flat: () => flattenWeights(splitTokenTable(weights, flamingo), flamingoLayout(flamingo)),
  };
}

export const parametersOf = ({ flamingo, flat }: FlamingoCase): Parameters =>
  new Parameters(flamingoLayout(flamingo), flat());
