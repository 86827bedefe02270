/** Hidden states, logits, loss and all gradients against Hugging Face's Llama. */
import {
  gradientsInto,
  Parameters,
  readSafetensors,
  record,
  selectBackend,
  tf,
  writeSafetensors,
} from '@triptych/nn';
import { describe, expect, test } from 'vitest';
import { parseLlamaConfig } from '../catalog/llama-config.ts';
import { llamaPresets } from '../catalog/llama-presets.ts';
import { DecoderBatch } from '../testing/decoder-batch.ts';
import { expectTensor, openCase, sameBits } from '../testing/golden.ts';
import { weightsOf } from '../transformer/weights.ts';
import { initLlama } from './initial-weights.ts';
import { llamaLayout } from './layout.ts';
import { Llama } from './llama.ts';
import { selfAttention } from './sequences.ts';
import { llamaSafetensors, loadLlamaWeights } from './weight-file.ts';

const golden = openCase('llama');
const config = parseLlamaConfig(golden.config);
const sample = new DecoderBatch(golden);
const { batch, length, ends, ids: inputIds } = sample;
const forward = { relative: 1e-5, absolute: 1e-5 };

describe.each(['cpu', 'wasm'] as const)('on %s', (backend) => {
  test('it computes what Hugging Face computes', async () => {
    await selectBackend({ backend });
    const before = tf.memory().numTensors;
    const parameters = new Parameters(llamaLayout(config), loadLlamaWeights(golden.weights, config));
    const llama = new Llama(config, weightsOf(parameters));
    const states: Float32Array[] = [];
    const recording = record(parameters.tensors(), () => {
      const hidden = llama.decode(llama.embed(inputIds, batch), {
        ...selfAttention(config, { batch, length, ends }),
        beforeBlock(state) {
          states.push(state.dataSync() as Float32Array);
          return state;
        },
      });
      states.push(hidden.dataSync() as Float32Array);
      const logits = llama.logits(hidden) as tf.Tensor3D;
      return [logits, sample.meanLoss(logits)];
    });
    const [logits, loss] = recording.outputs;
    for (const [i, state] of states.entries())
      expectTensor(
        `hidden state ${i}`,
        sample.realRows(state, config.hidden_size),
        sample.realRows(golden.expected(`hidden.${i}`), config.hidden_size),
        forward,
      );
    expect(states).toHaveLength(config.num_hidden_layers + 1);
    expectTensor(
      'logits',
      sample.realRows(logits!.dataSync() as Float32Array, config.vocab_size),
      sample.realRows(golden.expected('logits'), config.vocab_size),
      forward,
    );
    expectTensor('loss', loss!.dataSync(), golden.expected('loss'), forward);

    const seeds = [tf.zerosLike(logits!), tf.onesLike(loss!)];
    const gradients = recording.backward(seeds);
    const flat = new Float32Array(parameters.layout.length);
    await gradientsInto(gradients, parameters.layout, flat);
    for (const { name, offset, length: count } of parameters.layout.named())
      expectTensor(
        `gradient of ${name}`,
        flat.subarray(offset, offset + count),
        golden.expected(`grad.${name}`),
        {
          relative: 1e-4,
          absolute: 1e-7,
        },
      );
    tf.dispose([...gradients, ...seeds]);
    recording.dispose();
    parameters.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  test('checkpointed blocks give the same bits', async () => {
    await selectBackend({ backend });
    using parameters = new Parameters(llamaLayout(config), loadLlamaWeights(golden.weights, config));
    const resultsWith = (memory: 'keep' | 'checkpoint') =>
      tf.tidy(() => {
        const llama = new Llama(config, weightsOf(parameters), { memory });
        using recording = record(parameters.tensors(), () => {
          const embeddings = llama.embed(inputIds, batch);
          return [llama.decode(embeddings, selfAttention(config, { batch, length, ends }))];
        });
        const gradients = recording.backward(recording.outputs);
        return [...recording.outputs, ...gradients].map((tensor) => tensor.dataSync<'float32'>().slice());
      });
    const [kept, checkpointed] = [resultsWith('keep'), resultsWith('checkpoint')];
    expect(kept.every((values, i) => sameBits(values, checkpointed[i]!))).toBe(true);
  });

  test('padding on the left changes nothing', async () => {
    await selectBackend({ backend });
    using parameters = new Parameters(llamaLayout(config), loadLlamaWeights(golden.weights, config));
    const llama = new Llama(config, weightsOf(parameters));
    const ids = [1, 17, 300, 45, 8];
    const last = (tokens: number[], starts?: number[]) =>
      tf.tidy(() => {
        const sequences = { batch: 1, length: tokens.length, ...(starts && { starts }) };
        const hidden = llama.decode(
          llama.embed(Int32Array.from(tokens), 1),
          selfAttention(config, sequences),
        );
        const logits = llama.logits(hidden).dataSync() as Float32Array;
        return logits.subarray(logits.length - ids.length * config.vocab_size);
      });
    expectTensor('logits', last([0, 0, 0, ...ids], [3]), last(ids), forward);
  });
});

test('written and read again the weights are the same, and so are the bytes', () => {
  const flat = loadLlamaWeights(golden.weights, config);
  const bytes = llamaSafetensors(config, flat);
  const file = readSafetensors(bytes);
  expect([...file.tensors.keys()].sort()).toEqual([...golden.weights.tensors.keys()].sort());
  for (const [name, tensor] of golden.weights.tensors)
    expect(sameBits(file.tensors.get(name)!.float32(), tensor.float32()), name).toBe(true);
  expect(Buffer.from(llamaSafetensors(config, loadLlamaWeights(file, config))).equals(bytes)).toBe(true);
});

test('buffers of old files are no parameters, and other tensors are not taken', () => {
  const flat = initLlama(llamaPresets['llama-tiny'], 1);
  const { tensors } = readSafetensors(llamaSafetensors(llamaPresets['llama-tiny'], flat));
  const named = [...tensors].map(([name, { shape, float32 }]) => ({ name, shape, data: float32() }));
  const extra = (name: string) => ({ name, shape: [1], data: Float32Array.of(0) });
  const load = (...names: string[]) =>
    loadLlamaWeights(
      readSafetensors(writeSafetensors([...named, ...names.map(extra)])),
      llamaPresets['llama-tiny'],
    );
  expect(sameBits(load('model.layers.0.self_attn.rotary_emb.inv_freq'), flat)).toBe(true);
  expect(() => load('model.layers.0.self_attn.q_proj.bias')).toThrow(/q_proj.bias: expected no such tensor/);
});

test('the seed alone decides the initial weights', () => {
  const tiny = llamaPresets['llama-tiny'];
  expect(sameBits(initLlama(tiny, 3), initLlama(tiny, 3))).toBe(true);
  expect(sameBits(initLlama(tiny, 3), initLlama(tiny, 4))).toBe(false);
});
