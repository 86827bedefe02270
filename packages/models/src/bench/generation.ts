/**
 * What a generated token costs on the wasm backend.
 * `npm run bench:generation -- [--json FILE] [--batches 1,4] [--threads N] [--gemm auto|own] [--rounds R]`.
 *
 * Beside each decoding step, in the same round: its matrix products alone (what is left is overhead and attention), and
 * the same token without a cache. First both ways must choose the same tokens.
 */
import { writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { type GemmChoice, selectBackend } from '@triptych/nn';
import { type LlamaConfig, parseLlamaConfig } from '../catalog/llama-config.ts';
import { llamaPresets } from '../catalog/llama-presets.ts';
import { Decoding } from './decoding.ts';

const { values } = parseArgs({
  options: {
    json: { type: 'string' },
    batches: { type: 'string', default: '1,4' },
    threads: { type: 'string', default: '1' },
    gemm: { type: 'string', default: 'auto' },
    rounds: { type: 'string', default: '5' },
  },
});

const decoder = (width: number, layers: number, vocabulary: number) =>
  parseLlamaConfig({
    hidden_size: width,
    intermediate_size: Math.round(width * 2.6875),
    num_hidden_layers: layers,
    num_attention_heads: width / 64,
    vocab_size: vocabulary,
  });
const models: Readonly<Record<string, LlamaConfig>> = {
  'llama-tiny': llamaPresets['llama-tiny'],
  '256 x 6': decoder(256, 6, 8000),
  '512 x 8': decoder(512, 8, 16_000),
};
const shape = { promptLength: 100, newTokens: 40 };

const { gemm } = await selectBackend({
  backend: 'wasm',
  threads: Number(values.threads),
  gemm: values.gemm as GemmChoice,
});
print(`prompt of ${shape.promptLength}, ${shape.newTokens} new tokens; matrix products by ${gemm}`);
print('model        batch   prefill      step       p90  products  without cache');
const results = [];
for (const [model, config] of Object.entries(models))
  for (const batch of values.batches.split(',').map(Number)) {
    using decoding = new Decoding({ config, batch, ...shape });
    const steps: number[] = [];
    const prefills: number[] = [];
    const products: number[] = [];
    const naive: number[] = [];
    checkTokens(decoding);
    for (let round = 0; round < Number(values.rounds); round++) {
      const { prefill, steps: measured, tokens } = decoding.withCache();
      prefills.push(prefill);
      steps.push(...measured);
      products.push(...measured.map(() => decoding.products()));
      naive.push(decoding.withoutCache(tokens.slice(0, -1)).milliseconds);
    }
    const result = {
      model,
      batch,
      prefill: quantile(prefills, 0.5),
      step: quantile(steps, 0.5),
      p90: quantile(steps, 0.9),
      products: quantile(products, 0.5),
      withoutCache: quantile(naive, 0.5),
    };
    results.push(result);
    const { prefill, step, p90, withoutCache } = result;
    const share = `${((100 * result.products) / step).toFixed(0)} %`;
    const cells = [prefill, step, p90].map((time) => `${time.toFixed(2)} ms`.padStart(9)).join(' ');
    print(
      `${model.padEnd(12)} ${String(batch).padStart(5)} ${cells} ${share.padStart(9)} ${withoutCache.toFixed(1).padStart(11)} ms`,
    );
  }
if (values.json) {
  const machine = { cpu: cpus()[0]?.model, cores: cpus().length, node: process.version };
  await writeFile(values.json, `${JSON.stringify({ machine, gemm, ...shape, results }, null, 2)}\n`);
}

/** Warms up, too. */
function checkTokens(decoding: Decoding): void {
  const { tokens } = decoding.withCache();
  for (const count of [1, shape.newTokens - 1]) {
    const { next } = decoding.withoutCache(tokens.slice(0, count));
    if (next.join() !== tokens[count]!.join())
      throw new Error(`token ${count}: ${tokens[count]} with a cache, ${next} without`);
  }
}

function quantile(numbers: readonly number[], q: number): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))]!;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
