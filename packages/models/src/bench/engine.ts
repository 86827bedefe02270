/**
 * How fast the engine trains, beside PyTorch in the same run.
 * `npm run bench:engine -- [--json FILE] [--profile] [--models clip,...] [--batches 16,64] [--threads 1,2] [--rounds R]
 * [--steps K] [--engines pytorch,wasm,wasm-own,tensorflow,tensorflow-bf16]`.
 *
 * Models: `clip` and `decoder`, larger ones of the benchmark's own; `PRESET-METHOD` for what the product opens and trains,
 * `llava-small-full`, `llava-small-scratch`, `llava-small-lora`, `flamingo-small-full` and
 * `flamingo-small-cross-attention`. The two named full generate text besides, which is the same for every method.
 *
 * PyTorch takes part where TRIPTYCH_PYTHON (or python3) can import torch. Every competitor is a process of its own with the
 * same weights, data and optimizer. First their losses are compared; then they take turns, round by round, so that a
 * machine that slows down slows all. Where generated tokens differ from the first competitor's, a line says so.
 */
import { writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { selectBackend } from '@triptych/nn';
import { competitorOptions, type EngineName, missingReason } from './competitors.ts';
import { measureTask } from './measure-task.ts';
import { generationLines, headLine, profileLines, resultLines } from './report.ts';
import { workloads } from './workloads.ts';

const { values } = parseArgs({
  options: {
    json: { type: 'string' },
    profile: { type: 'boolean', default: false },
    models: { type: 'string', default: Object.keys(workloads).join(',') },
    batches: { type: 'string', default: '16,64' },
    threads: { type: 'string', default: '1,2' },
    rounds: { type: 'string', default: '5' },
    steps: { type: 'string', default: '3' },
    engines: { type: 'string', default: 'pytorch,wasm,wasm-own,tensorflow,tensorflow-bf16' },
  },
});
const list = (text: string) => text.split(',').filter((item) => item !== '');
const engines: EngineName[] = [];
for (const engine of list(values.engines) as EngineName[]) {
  const reason = missingReason(engine);
  if (reason === undefined) engines.push(engine);
  else print(`${engine} takes no part: ${reason}`);
}

// Nothing is measured in this process: it draws the weights for the others.
await selectBackend({ backend: 'cpu' });
print(headLine());
const results = [];
for (const model of list(values.models)) {
  const workload = workloads[model];
  if (workload === undefined)
    throw new Error(`--models ${model}: expected some of ${Object.keys(workloads).join(', ')}`);
  for (const batch of list(values.batches).map(Number))
    for (const threads of list(values.threads).map(Number)) {
      const result = await measureTask({
        workload,
        batch,
        threads,
        rounds: Number(values.rounds),
        steps: Number(values.steps),
        competitors: (folder) =>
          engines
            // The own matrix product has one thread.
            .filter((engine) => engine !== 'wasm-own' || threads === 1)
            .map((engine) => competitorOptions(engine, { folder, threads, profile: values.profile })),
      });
      for (const line of [...resultLines(result), ...generationLines(result)]) print(line);
      if (values.profile) for (const line of profileLines(result)) print(line);
      results.push(result);
    }
}
if (values.json) {
  const machine = { cpu: cpus()[0]?.model, cores: cpus().length, node: process.version };
  await writeFile(values.json, `${JSON.stringify({ machine, results }, null, 2)}\n`);
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
