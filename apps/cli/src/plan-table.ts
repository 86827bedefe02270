/** What would happen if a run were submitted now, in words. */
import type { RunPlan } from '@triptych/protocol';
import { duration } from './duration.ts';

export function planTable(plan: RunPlan): string {
  const { spec, totalSteps, stepsPerEpoch, samples, workersReady, queuePosition } = plan;
  const { batch, evaluation, workers } = spec;
  const facts: [string, string][] = [
    ['model', `${spec.model}, ${trainedOf(plan)}`],
    ['dataset', (spec.datasets ?? [{ name: spec.dataset }]).map(({ name }) => name).join(', ')],
    ['steps', `${totalSteps} (${stepsPerEpoch} an epoch), ${count(samples)} samples`],
    ['batch', `${batch.global} samples in ${batch.shards} shards`],
    ['time', timeOf(plan)],
    [
      'memory',
      `${mebibytes(plan.memoryBytesPerWorker)} on each worker, ${mebibytes(plan.heapBytesPerWorker)} of it tensors`,
    ],
    ['workers', `${rangeOf(plan)} of pool ${workers.pool}; ${workersReady} ready now${backendOf(plan)}`],
    ['queue', `position ${queuePosition}`],
    [
      'scores',
      evaluation.tasks.length > 0 ? `${evaluation.tasks.join(', ')} on ${evaluation.split}` : 'none',
    ],
  ];
  const lines = facts.map(([name, value]) => `${name.padEnd(9)}${value}\n`);
  const warnings = plan.warnings.map((warning) => `warning  ${warning}\n`);
  return `${lines.join('')}${warnings.length > 0 ? '\n' : ''}${warnings.join('')}\nNothing was submitted; --json has the whole spec, every default filled in.\n`;
}

function trainedOf({ parameters, trainedParameters }: RunPlan): string {
  const all = `${count(parameters)} parameters`;
  return trainedParameters === parameters
    ? `${all}, all trained`
    : `${all}, ${count(trainedParameters)} trained`;
}

const timeOf = ({ etaSeconds }: RunPlan): string =>
  etaSeconds === undefined
    ? 'not known: nothing like it has been trained here yet'
    : `about ${duration(etaSeconds)} of training, by the pace of runs before it`;

function rangeOf({ worldSizes }: RunPlan): string {
  const [least = 1, most = least] = [worldSizes[0], worldSizes.at(-1)];
  return least === most ? String(least) : `${least} to ${most}`;
}

const backendOf = ({ backend, numerics }: RunPlan): string =>
  backend === undefined ? '' : `, on ${backend}${numerics === undefined ? '' : ` (numerics ${numerics})`}`;
const count = (value: number): string => value.toLocaleString('en-US');
const mebibytes = (bytes: number): string => `${count(Math.round(bytes / 2 ** 20))} MiB`;
