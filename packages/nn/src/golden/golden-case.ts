/**
 * Golden cases: folders with inputs and the results that a reference implementation computed from them. `case.json` says
 * what it is; tensors lie in `inputs.safetensors` and `expected.safetensors`, weights in `model.safetensors`. What is to be
 * computed is not its business.
 */
import { existsSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { TriptychError } from '@triptych/protocol';
import { readSafetensors, type SafetensorsFile, type SafetensorsTensor } from '../safetensors/in-memory.ts';
import { readRegularFile } from './read-regular-file.ts';

export class GoldenCase {
  readonly folder: string;

  constructor(folder: string) {
    this.folder = resolve(folder);
  }

  /** A folder without a case.json is none. */
  get exists(): boolean {
    return this.has('case.json');
  }

  get name(): string {
    return basename(this.folder);
  }

  /** `case.json`. */
  get about(): Readonly<Record<string, unknown>> {
    return objectOf(this.json('case.json'));
  }

  /** `config.json`. */
  get config(): unknown {
    return this.json('config.json');
  }

  /** `model.safetensors`. */
  get weights(): SafetensorsFile {
    return this.tensors('model.safetensors');
  }

  has(file: string): boolean {
    return existsSync(join(this.folder, file));
  }

  /** @throws TriptychError INVALID_INPUT where the file is not there. */
  bytes(file: string): Uint8Array {
    try {
      return readRegularFile(join(this.folder, file));
    } catch (cause) {
      const message = `the golden case ${this.folder} has no readable ${file}; complete the folder`;
      throw new TriptychError('INVALID_INPUT', message, { cause });
    }
  }

  /** @throws TriptychError INVALID_INPUT where the file is not there, or is no JSON. */
  json(file: string): unknown {
    const text = new TextDecoder().decode(this.bytes(file));
    try {
      return JSON.parse(text);
    } catch (cause) {
      throw new TriptychError('INVALID_INPUT', `${join(this.folder, file)} is not JSON`, { cause });
    }
  }

  /** @throws TriptychError INVALID_INPUT where the file is not there, MODEL_INVALID where it is damaged. */
  tensors(file: string): SafetensorsFile {
    return readSafetensors(this.bytes(file));
  }

  /** Another case beside this one, by a relative path. */
  beside(path: string): GoldenCase {
    return new GoldenCase(join(this.folder, path));
  }
}

/** The whole numbers of a tensor of ids, masks or labels. */
export const integersOf = (tensor: SafetensorsTensor): Int32Array =>
  tensor.dtype === 'I64'
    ? Int32Array.from(new BigInt64Array(tensor.bytes.slice().buffer), Number)
    : Int32Array.from(tensor.float32());

const objectOf = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
