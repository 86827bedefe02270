/** A Llama: hidden states, logits, loss, every gradient, and a greedy continuation. */
import {
  Llama,
  LlamaDecoder,
  llamaLayout,
  loadLlamaWeights,
  parseLlamaConfig,
  selfAttention,
  weightsOf,
} from '@triptych/models';
import { integersOf, Parameters, record, tf } from '@triptych/nn';
import { statedTolerance } from '../case-tolerance.ts';
import { valuesOf } from '../check.ts';
import { ExpectedResults } from '../expected-results.ts';
import { namedGradients } from '../gradients.ts';
import { checkGreedy, newTokens } from '../greedy.ts';
import { hasInputs, modelType, type ParityKind } from '../kind.ts';
import { TextBatch } from '../text-batch.ts';

export const llama: ParityKind = {
  name: 'llama',
  recognises: (golden) => modelType(golden) === 'llama' && hasInputs(golden, 'input_ids'),
  async check(golden) {
    const inputs = golden.tensors('inputs.safetensors').tensors;
    const expected = new ExpectedResults(golden);
    const tolerance = statedTolerance(golden.about, 'forward');
    const config = parseLlamaConfig(golden.config);
    const texts = new TextBatch(inputs);
    using parameters = new Parameters(llamaLayout(config), loadLlamaWeights(golden.weights, config));
    const model = new Llama(config, weightsOf(parameters));

    const states: tf.Tensor[] = [];
    using recording = record(parameters.tensors(), () => {
      const hidden = model.decode(model.embed(texts.ids, texts.batch), {
        ...selfAttention(config, texts.sequences),
        beforeBlock(state) {
          states.push(tf.keep(tf.clone(state)));
          return state;
        },
      });
      const logits = model.logits(hidden);
      return [hidden, logits, texts.meanLoss(logits)];
    });
    const [hidden, logits, loss] = recording.outputs as [tf.Tensor, tf.Tensor, tf.Tensor];
    const rows = (values: Float32Array) => texts.realRows(values);
    for (const [i, state] of [...states, hidden].entries())
      expected.numbers(`hidden.${i}`, await valuesOf(state), { tolerance, rows });
    tf.dispose(states);
    expected.numbers('logits', await valuesOf(logits), { tolerance, rows });
    expected.numbers('loss', await valuesOf(loss), { tolerance });
    const gradients = await namedGradients(recording, {
      outputGradients: [undefined, undefined, tf.onesLike(loss)],
      parameters,
    });
    for (const [name, values] of gradients.parameters)
      expected.numbers(`grad.${name}`, values, { tolerance: statedTolerance(golden.about, 'grad') });

    if (expected.has('generated_ids')) {
      const prompt = inputs.get('prompt_ids')!;
      const embeddings = model.embed(integersOf(prompt), prompt.shape[0]!);
      using decoder = new LlamaDecoder(model, { embeddings, maxNewTokens: newTokens(expected) });
      await checkGreedy(decoder, { expected, tolerance });
      embeddings.dispose();
    }
    return expected.checks();
  },
};
