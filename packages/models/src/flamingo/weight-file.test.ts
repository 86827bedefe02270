import { readSafetensors, selectBackend, writeSafetensors } from '@triptych/nn';
import { beforeAll, expect, test } from 'vitest';
import { ModelWeights } from '../model-weights.ts';
import { sameBits } from '../testing/golden.ts';
import { drawnSource } from '../weights/drawn-source.ts';
import { floatsOf } from '../weights/stored-tensor.ts';
import type { FlamingoConfig } from './config.ts';
import { flamingoDraws, initFlamingo } from './initial-weights.ts';
import { flamingoParameters, TOKEN_TABLE } from './parameters.ts';
import { flamingoPresets } from './presets.ts';
import { joinTokenTable, loadFlamingoWeights } from './weight-file.ts';

const config: FlamingoConfig = flamingoPresets['flamingo-tiny'].config;

beforeAll(() => selectBackend({ backend: 'wasm' }));

/** As a run would publish it, with the groups that OpenFlamingo trains. */
async function fileOf(seed: number): Promise<Uint8Array> {
  const tensors = flamingoParameters(config);
  const parameters = tensors.flatMap(({ parts }) => parts);
  using weights = await ModelWeights.open({
    tensors,
    trains: ['perceiver', 'gate', 'tokens'],
    source: drawnSource(parameters, { seed, drawOf: flamingoDraws(config) }),
  });
  const named = joinTokenTable(weights.named());
  return writeSafetensors(
    await Promise.all(
      named.map(async ({ name, shape, read }) => ({ name, shape, data: floatsOf(await read()) })),
    ),
  );
}

test('a file has one token table, and gives back what was written', async () => {
  const file = readSafetensors(await fileOf(5));
  expect(file.tensors.get(TOKEN_TABLE)!.shape).toEqual([512, 64]);
  expect([...file.tensors.keys()].filter((name) => name.includes('new_rows'))).toEqual([]);
  expect(sameBits(loadFlamingoWeights(file, config), initFlamingo(config, 5))).toBe(true);
});

test('what does not fit is named, all at once', async () => {
  const { tensors } = readSafetensors(await fileOf(1));
  const named = [...tensors].map(([name, { shape, float32 }]) => ({ name, shape, data: float32() }));
  const without = named.filter(({ name }) => name !== 'perceiver.latents' && name !== TOKEN_TABLE);
  const short = { name: TOKEN_TABLE, shape: [510, 64], data: new Float32Array(510 * 64) };
  const file = readSafetensors(
    writeSafetensors([...without, short, { name: 'perceiver.other', shape: [1], data: Float32Array.of(0) }]),
  );
  expect(() => loadFlamingoWeights(file, config)).toThrow(
    /in 3 places.*perceiver\.latents.*new_rows.*perceiver\.other/s,
  );
});
