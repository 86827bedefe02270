/** Copies of golden cases that a test may damage. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readSafetensors, writeSafetensors } from '@triptych/nn';

export const fixtureFolder = (name: string, room = 'training'): string =>
  fileURLToPath(new URL(`../../../../${room}/fixtures/${name}`, import.meta.url));

/** A folder of its own with copies of cases, removed at the end. */
export class CaseCopies implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'triptych-parity-'));

  /** The copy's folder. */
  copy(source: string, name: string): string {
    const target = join(this.folder, name);
    cpSync(source, target, { recursive: true });
    return target;
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true });
  }
}

/** Rewrites `expected.safetensors` with what `change` makes of its tensors. */
export function changeExpected(
  folder: string,
  change: (tensors: Map<string, { readonly shape: readonly number[]; readonly data: Float32Array }>) => void,
): void {
  const path = join(folder, 'expected.safetensors');
  const { tensors } = readSafetensors(new Uint8Array(readFileSync(path)));
  const changed = new Map(
    [...tensors].map(([name, { shape, float32 }]) => [name, { shape, data: float32() }]),
  );
  change(changed);
  writeFileSync(path, writeSafetensors([...changed].map(([name, tensor]) => ({ name, ...tensor }))));
}
