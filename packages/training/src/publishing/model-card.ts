/** The README of a trained model: what it was made from, how, and how well it does. */

import { type Architecture, elementCount } from '@triptych/models/catalog';
import type { ResolvedRunSpec } from '@triptych/protocol';
import type { LedgerState } from '../checkpoint/sample-ledger.ts';
import type { TaskScore } from '../evaluation/evaluate.ts';

export interface ModelCardFacts {
  readonly architecture: Architecture;
  readonly config: object;
  readonly spec: ResolvedRunSpec;
  readonly datasetManifests: readonly string[];
  readonly ledger: LedgerState;
  readonly steps: number;
  readonly scores: readonly TaskScore[];
}

/** Markdown. It names nothing that depends on where or on how many workers the model was trained. */
export function modelCard(facts: ModelCardFacts): string {
  const { spec, config, datasetManifests, ledger, steps, scores, architecture } = facts;
  const { imageSize } = architecture.sizes(config);
  const parameters = elementCount(architecture.parameters(config)).toLocaleString('en');
  const datasets = spec.datasets?.map(({ name }) => name) ?? [spec.dataset];
  const lines = [
    '---',
    'library_name: transformers',
    `pipeline_tag: ${architecture.pipelineTag}`,
    '---',
    `# ${architecture.title}, trained from ${spec.model} on ${datasets.join(', ')}`,
    '',
    `${parameters} parameters; ${imageSize}-pixel images.`,
    '',
    '| | |',
    '|---|---|',
    ...datasetManifests.map((manifest) => `| dataset manifest | \`${manifest}\` |`),
    `| method | ${spec.method} |`,
    `| objective | ${spec.objective.kind} |`,
    `| steps | ${steps} of ${spec.batch.global} samples (${ledger.samples} in all) |`,
    `| samples seen, in order | \`${ledger.digest}\` |`,
    `| learning rate | ${spec.optimizer.learningRate}, ${spec.schedule.kind}, ${spec.schedule.warmupSteps} warm-up steps |`,
    `| weight decay | ${spec.optimizer.weightDecay} |`,
    ...(spec.averaging === undefined ? [] : [`| weights | moving average, decay ${spec.averaging} |`]),
    ...(spec.interpolation === undefined
      ? []
      : [`| weights | ${spec.interpolation} of the way from ${spec.model} to the trained ones |`]),
    `| seed | ${spec.seed} |`,
    '',
  ];
  if (scores.length > 0) lines.push(...scoreTable(spec.evaluation.split, scores));
  return lines.join('\n');
}

const scoreTable = (split: string, scores: readonly TaskScore[]): string[] => [
  `## Scores on the ${split} split`,
  '',
  '| task | metric | value | chance |',
  '|---|---|---|---|',
  ...scores.map(
    ({ task, metric, value, chance }) =>
      `| ${task} | ${metric} | ${value.toFixed(4)} | ${chance?.toFixed(4) ?? ''} |`,
  ),
  '',
];
