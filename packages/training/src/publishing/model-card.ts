/** The README of a trained model: what it was made from, how, and how well it does. */

import type { ClipConfig } from '@triptych/models';
import { parameterCount } from '@triptych/models/catalog';
import type { ResolvedRunSpec } from '@triptych/protocol';
import type { LedgerState } from '../checkpoint/sample-ledger.ts';
import type { TaskScore } from '../evaluation/evaluate.ts';

/** Markdown. It names nothing that depends on where or on how many workers the model was trained. */
export function modelCard(model: {
  readonly spec: ResolvedRunSpec;
  readonly config: ClipConfig;
  readonly datasetManifest: string;
  readonly ledger: LedgerState;
  readonly steps: number;
  readonly scores: readonly TaskScore[];
}): string {
  const { spec, config, datasetManifest, ledger, steps, scores } = model;
  const lines = [
    '---',
    'library_name: transformers',
    'pipeline_tag: zero-shot-image-classification',
    '---',
    `# CLIP, trained from ${spec.model} on ${spec.dataset}`,
    '',
    `${parameterCount(config).toLocaleString('en')} parameters; ${config.vision_config.image_size}-pixel images.`,
    '',
    '| | |',
    '|---|---|',
    `| dataset manifest | \`${datasetManifest}\` |`,
    `| objective | ${spec.objective.kind} |`,
    `| steps | ${steps} of ${spec.batch.global} samples (${ledger.samples} in all) |`,
    `| samples seen, in order | \`${ledger.digest}\` |`,
    `| learning rate | ${spec.optimizer.learningRate}, ${spec.schedule.kind}, ${spec.schedule.warmupSteps} warm-up steps |`,
    `| weight decay | ${spec.optimizer.weightDecay} |`,
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
      `| ${task} | ${metric} | ${value.toFixed(4)} | ${chance.toFixed(4)} |`,
  ),
  '',
];
