/**
 * `adapter_config.json` of PEFT: how a low-rank adapter is applied. What cannot be obeyed is refused by the name of its field.
 * Tensor-free.
 */
import { show, TriptychError, type Violation } from '@triptych/protocol';
import { isRecord } from '../catalog/config-file.ts';

export const PEFT_CONFIG = 'adapter_config.json';

/** As `AdapterOptions` of a model. */
export interface PeftOptions {
  readonly rank: number;
  readonly alpha: number;
  readonly dropout: number;
  readonly rankStabilised: boolean;
}

/** @throws TriptychError MODEL_INVALID. */
export function parsePeftConfig(text: string): PeftOptions {
  const json = parsed(text);
  const violations = Object.entries(json).flatMap(([field, value]) => {
    const allowed = rules[field];
    return allowed?.(value) === false ? [field] : [];
  });
  const { r, lora_alpha, lora_dropout = 0, use_rslora = false } = json;
  const numbers = [
    ...(isPositive(r) && Number.isInteger(r) ? [] : ['r']),
    ...(isPositive(lora_alpha) ? [] : ['lora_alpha']),
  ];
  const wrong = [
    ...new Set([...(json['peft_type'] === 'LORA' ? [] : ['peft_type']), ...numbers, ...violations]),
  ];
  if (wrong.length > 0) throw refusedAdapter(wrong.map((field) => unusable(field, json[field])));
  return {
    rank: r as number,
    alpha: lora_alpha as number,
    dropout: lora_dropout as number,
    rankStabilised: use_rslora as boolean,
  };
}

const isPositive = (value: unknown): value is number => Number.isFinite(value) && (value as number) > 0;
const isOff = (value: unknown) => value === undefined || value === null || value === false || isEmpty(value);
const isEmpty = (value: unknown) => isRecord(value) && Object.keys(value).length === 0;

/** Fields that change what is computed, and the values that are obeyed. What else PEFT writes only says how it was trained. */
const rules: Readonly<Record<string, (value: unknown) => boolean>> = {
  peft_type: (value) => value === 'LORA',
  bias: (value) => value === 'none',
  lora_dropout: (value) => Number.isFinite(value) && (value as number) >= 0 && (value as number) < 1,
  use_rslora: (value) => typeof value === 'boolean',
  use_dora: isOff,
  use_qalora: isOff,
  use_bdlora: isOff,
  lora_bias: isOff,
  fan_in_fan_out: isOff,
  rank_pattern: isOff,
  alpha_pattern: isOff,
  layer_replication: isOff,
  target_parameters: isOff,
  trainable_token_indices: isOff,
  alora_invocation_tokens: isOff,
  arrow_config: isOff,
  monteclora_config: isOff,
  velora_config: isOff,
  kasa_config: isOff,
  megatron_config: isOff,
  // These change the base weights before training, so the adapter alone says too little.
  init_lora_weights: (value) =>
    typeof value === 'boolean' || value === 'gaussian' || value === 'orthogonal' || value === 'eva',
};

function parsed(text: string): Record<string, unknown> {
  try {
    const json: unknown = JSON.parse(text);
    if (isRecord(json)) return json;
  } catch (cause) {
    throw new TriptychError('MODEL_INVALID', `${PEFT_CONFIG} is not JSON`, { cause });
  }
  throw new TriptychError('MODEL_INVALID', `${PEFT_CONFIG} is not an object`);
}

const unusable = (field: string, value: unknown): Violation => ({
  path: `/${PEFT_CONFIG}/${field}`,
  expected: 'a plain low-rank adapter (LoRA or rsLoRA, without biases)',
  actual: show(value),
  remedy: 'merge the adapter into its model with PEFT (merge_and_unload) and use the whole model',
});

/** Several of them, as one error. */
export function refusedAdapter(violations: readonly Violation[]): TriptychError {
  const lines = violations.map(
    (v) => `${v.path.slice(1)}: expected ${v.expected}, got ${v.actual}; ${v.remedy}`,
  );
  return new TriptychError('MODEL_INVALID', `The adapter cannot be used: ${lines.slice(0, 5).join(' | ')}`, {
    violations,
  });
}
