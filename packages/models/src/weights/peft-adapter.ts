/**
 * Low-rank adapters as PEFT saves them (`adapter_config.json`, `adapter_model.safetensors`), under canonical names. What does
 * not fit the model is refused by its name in the file. Writing: lora/export.ts. Tensor-free.
 */
import { conversionOf, isWeightDtype, type OpenFile, openWeightFiles } from '@triptych/nn/safetensors';
import { show, type Violation } from '@triptych/protocol';
import type { NamedShape } from '../catalog/parameter-tensor.ts';
import { type Dialect, readingsOf } from './dialect.ts';
import { isSameShape } from './fit.ts';
import { named } from './name-groups.ts';
import { type NamedWeight, type NamedWeights, weightsOfFiles } from './named-weights.ts';
import { PEFT_CONFIG, type PeftOptions, parsePeftConfig, refusedAdapter } from './peft-config.ts';

export interface PeftAdapter {
  /** Its files. */
  readonly paths: readonly string[];
  readonly options: PeftOptions;
  /** A [rank, in] and B [out, rank] beside each adapted weight: `<path>.lora_A.weight`, `<path>.lora_B.weight`. */
  readonly matrices: NamedWeights;
  /** Weights that the adapter replaces as a whole (`modules_to_save`). */
  readonly whole: NamedWeights;
}

const WEIGHTS = 'adapter_model.safetensors';
const PICKLE = 'adapter_model.bin';

/** Whether a file of this name is an adapter's, readable or not. */
export const isPeftFile = (path: string): boolean =>
  path === PEFT_CONFIG || path.startsWith('adapter_model.');

/**
 * @param parameters of the model that the adapter belongs to, under canonical names.
 * @throws TriptychError MODEL_INVALID with every field and tensor that cannot be used.
 */
export async function openPeftAdapter(
  open: OpenFile,
  model: { readonly dialects: readonly Dialect[]; readonly parameters: readonly NamedShape[] },
): Promise<PeftAdapter> {
  const config = await open(PEFT_CONFIG);
  const files = await openWeightFiles(open, [WEIGHTS]);
  const absent = [...(config ? [] : [missing(PEFT_CONFIG)]), ...(files ? [] : [await noMatrices(open)])];
  if (!config || !files) throw refusedAdapter(absent);
  const options = parsePeftConfig(new TextDecoder().decode(await config.read(0, config.size)));
  return {
    paths: [PEFT_CONFIG, ...files.paths],
    ...placed(weightsOfFiles(files), { ...model, options }),
  };
}

interface Placement {
  readonly dialects: readonly Dialect[];
  readonly parameters: readonly NamedShape[];
  readonly options: PeftOptions;
}

function placed(
  file: NamedWeights,
  { dialects, parameters, options }: Placement,
): Omit<PeftAdapter, 'paths'> {
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
    if (side !== undefined && shape.length !== 2) {
      problems.push({
        name: fileName,
        expected: 'a linear layer',
        actual: `a weight of shape ${show(shape)}`,
      });
      continue;
    }
    const wanted =
      side === undefined ? shape : side === 'A' ? [options.rank, shape[1]!] : [shape[0]!, options.rank];
    if (!isSameShape(weight.shape, wanted))
      problems.push({ name: fileName, expected: `shape ${show(wanted)}`, actual: show(weight.shape) });
    else if (!isWeightDtype(weight.dtype))
      problems.push({ name: fileName, expected: 'F32, F16 or BF16', actual: weight.dtype });
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
    throw refusedAdapter(
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

const missing = (path: string): Violation => ({
  path: `/${path}`,
  expected: 'a file',
  actual: 'nothing',
  remedy: 'save the adapter with save_pretrained',
});

/** Instead of the safetensors file: nothing, or what PEFT wrote before it had them. */
async function noMatrices(open: OpenFile): Promise<Violation> {
  if (!(await open(PICKLE))) return missing(WEIGHTS);
  return {
    path: `/${PICKLE}`,
    expected: `weights as ${WEIGHTS}`,
    actual: 'a Python pickle, which could run code and is never read',
    remedy: `save the adapter with save_pretrained(..., safe_serialization=True), or convert it:\n${conversionOf(PICKLE, WEIGHTS)}`,
  };
}
