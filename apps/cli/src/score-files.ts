/** Files that are scored, read as what they are: JSON (also a value a line) or safetensors. */
import {
  bytesRanges,
  openSafetensors,
  type SafetensorsDtype,
  storedAsFloats,
} from '@triptych/nn/safetensors';
import { TriptychError } from '@triptych/protocol';
import { type NamedTensor, parseLenient, type ScoreFile, Tensors } from '@triptych/scoring';
import { readNamedFile } from './named-file.ts';

const LIMIT_BYTES = 2 ** 30;

/** @throws TriptychError INVALID_INPUT, MALFORMED_BODY or MODEL_INVALID, naming the file. */
export async function readScoreFile(path: string, option: string): Promise<ScoreFile> {
  const remedy = 'triptych score --help says what each file holds';
  const bytes = await readNamedFile({
    ...{ path, option, remedy },
    what: 'a file of predictions or references',
    limitBytes: LIMIT_BYTES,
  });
  return { name: path, content: isSafetensors(bytes) ? await tensorsIn(path, bytes) : jsonIn(path, bytes) };
}

/** A length that the file can have, then an object: no text begins like that. */
const isSafetensors = (bytes: Buffer): boolean =>
  bytes.length > 8 && bytes[8] === 0x7b && bytes.readBigUInt64LE(0) <= bytes.length;

function jsonIn(path: string, bytes: Buffer): unknown {
  const malformed = (problem: string, cause?: unknown) =>
    new TriptychError('MALFORMED_BODY', `${path}: ${problem}`, { cause });
  if (bytes.subarray(1, 6).toString('latin1') === 'NUMPY')
    throw malformed(
      'it is a NumPy array; save its arrays by name as safetensors (safetensors.numpy.save_file)',
    );
  if ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff))
    throw malformed('it is UTF-16; save it as UTF-8');
  try {
    return parseLenient(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    const what =
      cause instanceof SyntaxError ? 'it is neither JSON nor a JSON value a line' : 'it is not UTF-8';
    throw malformed(`${what} (${(cause as Error).message}); give a result file as the model wrote it`, cause);
  }
}

async function tensorsIn(path: string, bytes: Buffer): Promise<Tensors> {
  const reader = await openSafetensors(bytesRanges(path, bytes));
  const tensors = new Map<string, NamedTensor>();
  for (const { name, dtype, shape } of reader.entries.values()) {
    const { buffer } = await reader.read(name);
    const values = numbersOf[dtype]?.(buffer);
    // One of a type that no score reads is as good as absent.
    if (values) tensors.set(name, { shape, values });
  }
  return new Tensors(tensors);
}

const numbersOf: Partial<Record<SafetensorsDtype, (bytes: ArrayBuffer) => ArrayLike<number>>> = {
  F32: (bytes) => new Float32Array(bytes),
  F64: (bytes) => new Float64Array(bytes),
  F16: (bytes) => storedAsFloats({ dtype: 'F16', data: new Uint16Array(bytes) }),
  BF16: (bytes) => storedAsFloats({ dtype: 'BF16', data: new Uint16Array(bytes) }),
  I64: (bytes) => Float64Array.from(new BigInt64Array(bytes), Number),
  I32: (bytes) => new Int32Array(bytes),
  I16: (bytes) => new Int16Array(bytes),
  I8: (bytes) => new Int8Array(bytes),
  U8: (bytes) => new Uint8Array(bytes),
  BOOL: (bytes) => new Uint8Array(bytes),
};
