/** The header of a file that is written: the same bytes for the same tensors, in the order of the reference library. */
import { TriptychError } from '@triptych/protocol';
import { byteLength, type SafetensorsDtype } from './dtype.ts';

export interface WrittenTensor {
  readonly name: string;
  readonly dtype: SafetensorsDtype;
  readonly shape: readonly number[];
}

/** Wider types first, so that every tensor is aligned; equal ones by name. */
export const inFileOrder = <T extends WrittenTensor>(tensors: readonly T[]): T[] =>
  tensors.toSorted(
    (a, b) => rank(a.dtype) - rank(b.dtype) || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0),
  );

/** The length and the JSON, padded so that the numbers begin at a multiple of 8 bytes. `ordered` as {@link inFileOrder}. */
export function headerOf(
  ordered: readonly WrittenTensor[],
  metadata?: Readonly<Record<string, string>>,
): Uint8Array {
  const fields: string[] = [];
  if (metadata !== undefined)
    fields.push(`"__metadata__":${JSON.stringify(Object.fromEntries(Object.entries(metadata).sort()))}`);
  const names = new Set(['__metadata__']);
  let offset = 0;
  for (const { name, dtype, shape } of ordered) {
    if (names.has(name))
      throw new TriptychError('MODEL_INVALID', `safetensors: the name ${name} is used twice or reserved`);
    names.add(name);
    const end = offset + bytesOf({ name, dtype, shape });
    fields.push(`${JSON.stringify(name)}:${JSON.stringify({ dtype, shape, data_offsets: [offset, end] })}`);
    offset = end;
  }
  const json = new TextEncoder().encode(`{${fields.join(',')}}`);
  const start = 8 + Math.ceil(json.length / 8) * 8;
  const bytes = new Uint8Array(start).fill(0x20, 8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(start - 8), true);
  bytes.set(json, 8);
  return bytes;
}

export function bytesOf({ name, dtype, shape }: WrittenTensor): number {
  const bytes = byteLength(dtype, shape);
  if (bytes === undefined)
    throw new TriptychError('MODEL_INVALID', `safetensors: ${name} has no size: ${dtype} [${shape}]`);
  return bytes;
}

/** The order of the reference's `Dtype`, widest first. */
const dtypes: readonly SafetensorsDtype[] = [
  'U64',
  'I64',
  'F64',
  'C64',
  'F32',
  'U32',
  'I32',
  'BF16',
  'F16',
  'U16',
  'I16',
  'F8_E5M2FNUZ',
  'F8_E4M3FNUZ',
  'F8_E8M0',
  'F8_E4M3',
  'F8_E5M2',
  'I8',
  'U8',
  'F6_E3M2',
  'F6_E2M3',
  'F4',
  'BOOL',
];
const rank = (dtype: SafetensorsDtype) => dtypes.indexOf(dtype);
