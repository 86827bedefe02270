/** The README of a trained model, a Hugging Face model card: what it was made from, how, and how well it does. */

import { type Architecture, elementCount } from '@triptych/models/catalog';
import { PROVENANCE_FILE, type Provenance, type ResolvedRunSpec } from '@triptych/protocol';
import type { TaskScore } from '../evaluation/evaluate.ts';
import type { WeightsRecord } from './weights-record.ts';

export interface ModelCardFacts {
  readonly architecture: Architecture;
  readonly config: object;
  readonly spec: ResolvedRunSpec;
  readonly provenance: Provenance;
  readonly weights: WeightsRecord;
  readonly scores: readonly TaskScore[];
}

/** Markdown. It names nothing that depends on where or on how many workers the model was trained, but how they compute. */
export function modelCard(facts: ModelCardFacts): string {
  const { spec, config, provenance, weights, scores, architecture } = facts;
  const { datasets, base, towers = {}, steps, weightsStep, samples, samplesDigest, numerics } = provenance;
  const { imageSize } = architecture.sizes(config);
  const parameters = elementCount(architecture.parameters(config)).toLocaleString('en');
  const title = `${architecture.title}, trained from ${spec.model} on ${datasets.map(({ name }) => name).join(', ')}`;
  const rows: (readonly [string, string])[] = [
    ...datasets.map(({ name, manifest }) => [`dataset ${name}`, `\`${manifest}\``] as const),
    ['base model', base.artifact === undefined ? `preset ${base.name}` : `${base.name} \`${base.artifact}\``],
    ...Object.entries(towers).map(([tower, sha256]) => [`${tower} tower from`, `\`${sha256}\``] as const),
    ['method', spec.method],
    ['objective', spec.objective.kind],
    ['steps', `${steps} of ${spec.batch.global} samples (${samples} in all)`],
    ...(weightsStep === undefined
      ? []
      : [['weights', `of step ${weightsStep}, ${spec.checkpoint.keep}`] as const]),
    ['samples seen, in order', `\`${samplesDigest}\``],
    [
      'learning rate',
      `${spec.optimizer.learningRate}, ${spec.schedule.kind}, ${spec.schedule.warmupSteps} warm-up steps`,
    ],
    ['weight decay', `${spec.optimizer.weightDecay}`],
    ...(spec.averaging === undefined
      ? []
      : [['weights', `moving average, decay ${spec.averaging}`] as const]),
    ...(spec.interpolation === undefined
      ? []
      : [['weights', `${spec.interpolation} of the way from ${spec.model} to the trained ones`] as const]),
    ['seed', `${spec.seed}`],
    ['weights sha256', `\`${weights.sha256}\``],
    ...(numerics
      ? [
          [
            'computed by',
            `Triptych ${numerics.version}, ${numerics.backend} on ${numerics.device}, numerics \`${numerics.digest}\``,
          ] as const,
        ]
      : []),
  ];
  const lines = [
    '---',
    'library_name: transformers',
    `pipeline_tag: ${architecture.pipelineTag}`,
    'tags: [triptych]',
    // JSON is YAML, too.
    ...(scores.length > 0 ? [`model-index: ${JSON.stringify([modelIndex(title, facts)])}`] : []),
    '---',
    `# ${title}`,
    '',
    `${parameters} parameters; ${imageSize}-pixel images.`,
    '',
    '| | |',
    '|---|---|',
    ...rows.map(([what, value]) => `| ${what} | ${value} |`),
    '',
    `\`${PROVENANCE_FILE}\` has the whole specification: \`triptych reproduce FOLDER\` trains the model again and compares the weights.`,
    '',
  ];
  if (scores.length > 0) lines.push(...scoreTable(spec.evaluation.split, scores));
  return lines.join('\n');
}

/** As the Hub reads results of an evaluation (https://huggingface.co/docs/hub/model-cards#evaluation-results). */
const modelIndex = (name: string, { spec, provenance, scores }: ModelCardFacts) => ({
  name,
  results: [...new Set(scores.map(({ task }) => task))].map((task) => ({
    task: { type: task },
    dataset: {
      ...{ name: provenance.datasets[0]!.name, type: provenance.datasets[0]!.name },
      ...{ split: spec.evaluation.split, revision: provenance.datasets[0]!.manifest },
    },
    metrics: scores
      .filter((score) => score.task === task)
      .map(({ metric, value }) => ({ type: metric, value })),
  })),
});

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
