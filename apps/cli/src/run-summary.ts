/** A run in words: where it stands, what it scored, where its weights are. */
import { isTerminal, type Run } from '@triptych/protocol';
import { duration } from './duration.ts';
import { scoreTable } from './score-table.ts';

export function runSummary(run: Run): string {
  const { progress } = run;
  const facts: [string, string | undefined][] = [
    ['run', run.name ? `${run.id} (${run.name})` : run.id],
    ['status', `${run.status} (${run.reason}): ${run.message}`],
    ['queue', run.queuePosition === undefined ? undefined : `position ${run.queuePosition}`],
    ['model', `${run.spec.model} on ${run.spec.dataset}`],
    ['workers', run.worldSize > 0 ? String(run.worldSize) : undefined],
    ['step', `${progress.step}/${progress.totalSteps}${lossOf(run)}`],
    ['took', tookOf(run)],
    ['trained', run.modelId],
    ['weights', run.weights && `sha256 ${run.weights.sha256} (${run.weights.bytes} bytes)`],
  ];
  const lines = facts
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name.padEnd(9)}${value}\n`);
  return lines.join('') + (run.scores.length > 0 ? `\n${scoreTable(run.scores)}` : '');
}

const lossOf = ({ progress }: Run): string =>
  progress.loss === undefined ? '' : `, loss ${progress.loss.toFixed(4)}`;

function tookOf({ status, startedAt, finishedAt }: Run): string | undefined {
  if (!isTerminal(status) || !startedAt || !finishedAt) return undefined;
  return duration((Date.parse(finishedAt) - Date.parse(startedAt)) / 1000);
}
