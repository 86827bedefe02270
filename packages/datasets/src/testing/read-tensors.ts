/** Reads a golden case's safetensors file; only what its uint8 and float32 tensors need. */
import { readFileSync } from 'node:fs';

interface Entry {
  dtype: 'U8' | 'F32';
  shape: number[];
  data_offsets: [number, number];
}

export function readTensors(url: URL): Map<string, { shape: number[]; data: Uint8Array | Float32Array }> {
  const file = readFileSync(url);
  const headerLength = Number(file.readBigUInt64LE(0));
  const { __metadata__: _, ...header } = JSON.parse(file.toString('utf8', 8, 8 + headerLength));
  return new Map(
    Object.entries(header as Record<string, Entry>).map(([name, { dtype, shape, data_offsets }]) => {
      const bytes = new Uint8Array(
        file.subarray(8 + headerLength + data_offsets[0], 8 + headerLength + data_offsets[1]),
      );
      return [name, { shape, data: dtype === 'U8' ? bytes : new Float32Array(bytes.buffer) }];
    }),
  );
}
