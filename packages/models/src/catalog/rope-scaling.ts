/**
 * Scaled rotary positions of a Hugging Face configuration, in the dialects of transformers 4 (`rope_scaling`, with `type` or
 * `rope_type`) and 5 (`rope_parameters`). The formulas are elsewhere (llama/rotary-frequencies.ts).
 */
import { show, type Violation } from '@triptych/protocol';
import { type Static, Type } from 'typebox';
import { pick, record, size } from './config-file.ts';

const factor = Type.Number({ minimum: 1 });
const positive = Type.Number({ exclusiveMinimum: 0 });
const originalContext = { original_max_position_embeddings: size(16_777_216) };

export const LinearScaling = Type.Object({ rope_type: Type.Literal('linear'), factor });
/** Within the trained context it changes nothing; longer sequences are refused. */
export const DynamicScaling = Type.Object({ rope_type: Type.Literal('dynamic'), factor });
export const Llama3Scaling = Type.Object({
  rope_type: Type.Literal('llama3'),
  factor,
  low_freq_factor: positive,
  high_freq_factor: positive,
  ...originalContext,
});
export const YarnScaling = Type.Object({
  rope_type: Type.Literal('yarn'),
  factor,
  beta_fast: Type.Optional(positive),
  beta_slow: Type.Optional(positive),
  attention_factor: Type.Optional(positive),
  mscale: Type.Optional(Type.Number({ minimum: 0 })),
  mscale_all_dim: Type.Optional(Type.Number({ minimum: 0 })),
  truncate: Type.Optional(Type.Boolean()),
  ...originalContext,
});

export type Llama3Scaling = Static<typeof Llama3Scaling>;
export type YarnScaling = Static<typeof YarnScaling>;

export const RopeScaling = Type.Union([LinearScaling, DynamicScaling, Llama3Scaling, YarnScaling]);
export type RopeScaling = Static<typeof RopeScaling>;

const schemas: Readonly<Record<string, { readonly properties: object }>> = {
  linear: LinearScaling,
  dynamic: DynamicScaling,
  llama3: Llama3Scaling,
  yarn: YarnScaling,
};

/** What a configuration says of its rotary positions, still to be checked against the schemas. */
export interface StatedRope {
  readonly rope_theta?: unknown;
  readonly rope_scaling?: Record<string, unknown>;
}

/** Both dialects; where a file has both, `rope_parameters` counts, as in transformers 5. */
export function statedRope(json: Record<string, unknown>): StatedRope {
  const settings = { ...record(json['rope_scaling']), ...record(json['rope_parameters']) };
  const theta = settings['rope_theta'] ?? json['rope_theta'] ?? undefined;
  const type = typeOf(settings);
  const scaling = isKnown(type) && scalingOf(schemas[type]!.properties, { json, settings });
  return {
    ...(theta !== undefined && { rope_theta: theta }),
    ...(scaling && { rope_scaling: scaling }),
  };
}

const isKnown = (type: unknown): type is string => typeof type === 'string' && Object.hasOwn(schemas, type);

function scalingOf(
  properties: object,
  { json, settings }: Record<'json' | 'settings', Record<string, unknown>>,
): Record<string, unknown> {
  const context = json['original_max_position_embeddings'] ?? settings['original_max_position_embeddings'];
  return pick(properties, {
    ...settings,
    rope_type: typeOf(settings),
    original_max_position_embeddings: context ?? json['max_position_embeddings'],
  });
}

/** One for a kind of scaling that cannot be computed, and one for heads of which a part alone is rotated. */
export function ropeViolations(json: Record<string, unknown>): Violation[] {
  const violations: Violation[] = [];
  for (const name of ['rope_scaling', 'rope_parameters']) {
    const type = typeOf(record(json[name]));
    if (type !== 'default' && !isKnown(type))
      violations.push({
        path: `/${name}/rope_type`,
        expected: `one of default, ${Object.keys(schemas).join(', ')}`,
        actual: show(type),
        remedy: 'use a model whose rotary positions are scaled in one of these ways',
      });
  }
  const part = record(json['rope_parameters'])['partial_rotary_factor'] ?? json['partial_rotary_factor'] ?? 1;
  if (part !== 1)
    violations.push({
      path: '/partial_rotary_factor',
      expected: '1 (whole heads are rotated)',
      actual: show(part),
      remedy: 'use a model that rotates whole heads',
    });
  return violations;
}

const typeOf = (settings: Record<string, unknown>): unknown =>
  settings['rope_type'] ?? settings['type'] ?? 'default';
