/** Low-rank adapters beside a Llama of another case: logits, loss, their gradients; then merged into the weights. */
import {
  Adapters,
  type AdapterTarget,
  adapterTargets,
  anyNames,
  flattenWeights,
  Llama,
  type LlamaConfig,
  llamaLayout,
  llamaParameters,
  loadLlamaWeights,
  type Projection,
  parseLlamaConfig,
  selfAttention,
  type WeightInMemory,
  type Weights,
  weightsInMemory,
  weightsOf,
} from '@triptych/models';
import { type GoldenCase, ParameterLayout, Parameters, record, tf } from '@triptych/nn';
import { recordOf, statedTolerance } from '../case-tolerance.ts';
import { numbersOf, valuesOf } from '../check.ts';
import { ExpectedResults } from '../expected-results.ts';
import { namedGradients } from '../gradients.ts';
import type { ParityKind } from '../kind.ts';
import { TextBatch } from '../text-batch.ts';

/** What PEFT writes before the names of the model. */
const PREFIX = 'base_model.model.';

export const lora: ParityKind = {
  name: 'lora',
  recognises: (golden) => golden.has('adapter_config.json') && golden.has('adapter_model.safetensors'),
  async check(golden) {
    const base = baseOf(golden);
    const config = parseLlamaConfig(base.config);
    const flat = loadLlamaWeights(base.weights, config);
    const adapters = adaptersOf(golden, config);
    const layout = new ParameterLayout(adapters.parameters());
    const stored = [...weightsInMemory(golden.tensors('adapter_model.safetensors'), anyNames)];
    const own = new Map(
      stored.map(([name, weight]): [string, WeightInMemory] => [withoutPrefix(name), weight]),
    );
    using frozen = new Parameters(llamaLayout(config), flat.slice());
    using trained = new Parameters(layout, flattenWeights(own, layout));
    const keys = new Set(layout.specs.map(({ key }) => key));
    const weights = ((key: string) => (keys.has(key) ? trained : frozen).tensor(key)) as Weights;

    const expected = new ExpectedResults(golden);
    const tolerance = statedTolerance(golden.about, 'forward');
    // The inputs may be those of the base.
    const inputs = golden.has('inputs.safetensors') ? golden : base;
    const texts = new TextBatch(inputs.tensors('inputs.safetensors').tensors);
    const rows = (values: Float32Array) => texts.realRows(values);
    using recording = record(trained.tensors(), () => {
      const logits = logitsOf(texts, { config, weights, projection: adapters.projection() });
      return [logits, texts.meanLoss(logits)];
    });
    const [logits, loss] = recording.outputs;
    expected.numbers('logits', await valuesOf(logits!), { tolerance, rows });
    expected.numbers('loss', await valuesOf(loss!), { tolerance });
    const gradients = await namedGradients(recording, {
      outputGradients: [undefined, tf.onesLike(loss!)],
      parameters: trained,
    });
    for (const [name, values] of gradients.parameters)
      for (const spelling of [name, PREFIX + name])
        expected.numbers(`grad.${spelling}`, values, { tolerance: statedTolerance(golden.about, 'grad') });

    for (const { name, offset, length } of llamaLayout(config).named()) {
      const delta = await adapters.delta(name, weights);
      if (delta) for (let i = 0; i < length; i++) flat[offset + i]! += delta[i]!;
      expected.numbers(`merged.${name}`, flat.subarray(offset, offset + length), { tolerance });
    }
    using merged = new Parameters(llamaLayout(config), flat);
    const joined = tf.tidy(() => logitsOf(texts, { config, weights: weightsOf(merged) }));
    expected.numbers('logits_merged', await numbersOf(joined), { tolerance, rows });
    return expected.checks();
  },
};

/** The case with the model that the adapters stand beside. */
function baseOf(golden: GoldenCase): GoldenCase {
  const { base_model_name_or_path: named } = recordOf(golden.json('adapter_config.json'));
  const stated = recordOf(golden.about['config'])['base'];
  return golden.beside(String(stated ?? named).split(' ')[0]!);
}

function adaptersOf(golden: GoldenCase, config: LlamaConfig): Adapters {
  const stated = recordOf(golden.json('adapter_config.json'));
  const options = {
    rank: Number(stated['r']),
    alpha: Number(stated['lora_alpha']),
    rankStabilised: stated['use_rslora'] === true,
    dropout: 0,
  };
  const named = stated['target_modules'];
  const targets = adapterTargets.filter((target) => !Array.isArray(named) || named.includes(target));
  return new Adapters(llamaParameters(config), options, targets as AdapterTarget[]);
}

const withoutPrefix = (name: string): string => (name.startsWith(PREFIX) ? name.slice(PREFIX.length) : name);

function logitsOf(
  texts: TextBatch,
  {
    config,
    weights,
    projection,
  }: { readonly config: LlamaConfig; readonly weights: Weights; readonly projection?: Projection },
): tf.Tensor {
  const model = new Llama(config, weights, { ...(projection && { projection }) });
  const hidden = model.decode(model.embed(texts.ids, texts.batch), selfAttention(config, texts.sequences));
  return model.logits(hidden);
}
