/** Checks a model.safetensors against a configuration by its header alone: no weight is read, no tensor is made. */
import { type FileHandle, open } from 'node:fs/promises';
import { type ClipConfig, clipParameters } from '@triptych/models/catalog';
import { show, TriptychError, type Violation } from '@triptych/protocol';

interface TensorEntry {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data_offsets: readonly [number, number];
}

const MAX_HEADER_BYTES = 100_000_000;
const bytesOfType: Readonly<Record<string, number>> = { F32: 4, F16: 2, BF16: 2 };

/** Every parameter that is missing, has another shape, or a type that cannot be read. Further tensors are left alone. */
export async function weightViolations(path: string, config: ClipConfig): Promise<Violation[]> {
  const entries = await readHeader(path);
  const parameters = clipParameters(config).flatMap(({ parts }) => parts);
  return parameters.flatMap(({ name, shape }): Violation[] => {
    const entry = entries[name];
    const at = (problem: Omit<Violation, 'path'>) => [{ path: `/model.safetensors/${name}`, ...problem }];
    if (!entry)
      return at({
        expected: 'a tensor',
        actual: 'nothing',
        remedy: 'export the whole CLIP model, with both towers',
      });
    if (show(entry.shape) !== show(shape))
      return at({
        expected: `shape ${show(shape)}`,
        actual: show(entry.shape),
        remedy: 'use the config.json of these weights',
      });
    const bytes = shape.reduce((product, size) => product * size, bytesOfType[entry.dtype] ?? Number.NaN);
    if (bytes === entry.data_offsets[1] - entry.data_offsets[0]) return [];
    return at({
      expected: 'F32, F16 or BF16',
      actual: show(entry.dtype),
      remedy: 'export in one of these types',
    });
  });
}

async function readHeader(path: string): Promise<Record<string, TensorEntry>> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const length = Number((await readAt(file, 0, 8)).readBigUInt64LE());
    if (length > Math.min(size - 8, MAX_HEADER_BYTES))
      throw new RangeError(`its header claims ${length} bytes`);
    const header: Record<string, TensorEntry> = JSON.parse((await readAt(file, 8, length)).toString());
    const end = Math.max(0, ...Object.values(header).map((entry) => entry.data_offsets?.[1] ?? 0));
    if (size < 8 + length + end)
      throw new RangeError(`it should have ${8 + length + end} bytes but has ${size}`);
    return header;
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new TriptychError('MODEL_INVALID', `model.safetensors cannot be read: ${why}`, { cause });
  } finally {
    await file.close();
  }
}

async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, position);
  if (bytesRead !== length) throw new RangeError('it ends inside its header');
  return buffer;
}
