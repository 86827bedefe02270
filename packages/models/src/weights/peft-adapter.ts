/**
 * Low-rank adapters as PEFT saves them (`adapter_config.json`, `adapter_model.safetensors`), under canonical names. What cannot
 * be obeyed is refused by the name of its field. Writing: lora/export.ts. Tensor-free.
 */
import { type OpenFile, openWeightFiles } from '@triptych/nn/safetensors';
import { show, TriptychError, type Violation } from '@triptych/protocol';
import { isRecord } from '../catalog/config-file.ts';
import type { NamedShape } from '../catalog/parameter-tensor.ts';
import { type Dialect, readingsOf } from './dialect.ts';
import { isSameShape } from './fit.ts';
import { named } from './name-groups.ts';
import { type NamedWeight, type NamedWeights, weightsOfFiles } from './named-weights.ts';

/** As `AdapterOptions` of a model. */
export interface PeftOptions {
  readonly rank: number;
  readonly alpha: number;
  readonly dropout: number;
  readonly rankStabilised: boolean;
}

export interface PeftAdapter {
  readonly options: PeftOptions;
  /** A [rank, in] and B [out, rank] beside each adapted weight: `<path>.lora_A.weight`, `<path>.lora_B.weight`. */
  readonly matrices: NamedWeights;
  /** Weights that the adapter replaces as a whole (`modules_to_save`). */
  readonly whole: NamedWeights;
}

const CONFIG = 'adapter_config.json';
const WEIGHTS = 'adapter_model.safetensors';

/**
 * @param parameters of the model that the adapter belongs to, under canonical names.
 * @throws TriptychError MODEL_INVALID with every field and tensor that cannot be used.
 */
export async function openPeftAdapter(
  open: OpenFile,
  model: { readonly dialects: readonly Dialect[]; readonly parameters: readonly NamedShape[] },
): Promise<PeftAdapter> {
  const config = await open(CONFIG);
  const files = await openWeightFiles(open, [WEIGHTS]);
  const absent = [...(config ? [] : [missing(CONFIG)]), ...(files ? [] : [missing(WEIGHTS)])];
  if (!config || !files) throw refused(absent);
  const options = parsePeftConfig(new TextDecoder().decode(await config.read(0, config.size)));
  return placed(weightsOfFiles(files), { ...model, options });
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
  if (wrong.length > 0) throw refused(wrong.map((field) => unusable(field, json[field])));
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

interface Placement {
  readonly dialects: readonly Dialect[];
  readonly parameters: readonly NamedShape[];
  readonly options: PeftOptions;
}

function placed(file: NamedWeights, { dialects, parameters, options }: Placement): PeftAdapter {
  const shapes = new Map(parameters.map(({ name, shape }) => [name, shape]));
  const matrices = new Map<string, NamedWeight>();
  const whole = new Map<string, NamedWeight>();
  const problems: { name: string; expected: string; actual: string }[] = [];
  for (const [fileName, weight] of file) {
    const { path, side } = partsOf(fileName);
    const name = canonical(`${path}.${side === undefined ? '' : 'weight'}`.replace(/\.$/, ''), {
      dialects,
      shapes,
    });
    const shape = name === undefined ? undefined : shapes.get(name);
    if (name === undefined || !shape) {
      problems.push({
        name: fileName,
        expected: 'the name of a linear layer of the model',
        actual: 'another',
      });
      continue;
    }
    const wanted =
      side === undefined ? shape : side === 'A' ? [options.rank, shape[1]!] : [shape[0]!, options.rank];
    if (!isSameShape(weight.shape, wanted))
      problems.push({ name: fileName, expected: `shape ${show(wanted)}`, actual: show(weight.shape) });
    else if (side === undefined) whole.set(name, weight);
    else matrices.set(name.replace(/weight$/, `lora_${side}.weight`), weight);
  }
  for (const name of matrices.keys()) {
    const other = name.replace(
      /lora_([AB])\.weight$/,
      (_, side: string) => `lora_${side === 'A' ? 'B' : 'A'}.weight`,
    );
    if (!matrices.has(other))
      problems.push({ name: other, expected: 'A and B of every layer', actual: 'one of them' });
  }
  if (file.size === 0) problems.push({ name: WEIGHTS, expected: 'adapters', actual: 'none' });
  if (problems.length > 0)
    throw refused(
      named(problems).map(({ name, example, count }) => ({
        path: `/${WEIGHTS}/${name}`,
        expected: example.expected,
        actual: count === 1 ? example.actual : `${example.actual}, and ${count - 1} more like it`,
        remedy: 'use the adapter with the model that it was trained on',
      })),
    );
  return { options, matrices, whole };
}

/** `base_model.model.<path>.lora_A.weight`; some programs keep the name of the adapter: `.lora_A.default.weight`. */
function partsOf(name: string): { readonly path: string; readonly side?: 'A' | 'B' } {
  const bare = name.replace(/^base_model\.model\./, '');
  const adapted = /^(.*)\.lora_([AB])\.(?:default\.)?weight$/.exec(bare);
  if (adapted) return { path: adapted[1]!, side: adapted[2] as 'A' | 'B' };
  return { path: bare.replace(/\.modules_to_save(\.default)?\./, '.') };
}

/** In the first dialect that leads to a parameter of the model; one that packs or turns matrices does not. */
function canonical(
  name: string,
  {
    dialects,
    shapes,
  }: { readonly dialects: readonly Dialect[]; readonly shapes: ReadonlyMap<string, unknown> },
): string | undefined {
  for (const dialect of dialects) {
    const [reading] = readingsOf(dialect, name) ?? [];
    if (reading?.parts === 1 && !reading.transposed && shapes.has(reading.name)) return reading.name;
  }
  return undefined;
}

function parsed(text: string): Record<string, unknown> {
  try {
    const json: unknown = JSON.parse(text);
    if (isRecord(json)) return json;
  } catch (cause) {
    throw new TriptychError('MODEL_INVALID', `${CONFIG} is not JSON`, { cause });
  }
  throw new TriptychError('MODEL_INVALID', `${CONFIG} is not an object`);
}

const missing = (path: string): Violation => ({
  path: `/${path}`,
  expected: 'a file',
  actual: 'nothing',
  remedy: 'save the adapter with save_pretrained',
});

const unusable = (field: string, value: unknown): Violation => ({
  path: `/${CONFIG}/${field}`,
  expected: 'a plain low-rank adapter (LoRA or rsLoRA, without biases)',
  actual: show(value),
  remedy: 'merge the adapter into its model with PEFT (merge_and_unload) and use the whole model',
});

function refused(violations: readonly Violation[]): TriptychError {
  const lines = violations.map(
    (v) => `${v.path.slice(1)}: expected ${v.expected}, got ${v.actual}; ${v.remedy}`,
  );
  return new TriptychError('MODEL_INVALID', `The adapter cannot be used: ${lines.slice(0, 5).join(' | ')}`, {
    violations,
  });
}
