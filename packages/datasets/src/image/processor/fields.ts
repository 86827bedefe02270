/** Reads the fields of one JSON object and collects everything that is wrong with them. It knows no field by name. */
import { show, TriptychError, type Violation } from '@triptych/protocol';
import type { Triple } from '../transform.ts';

type Json = Readonly<Record<string, unknown>>;

/** A side that is larger would be a mistake, and gigabytes. */
const MAX_SIDE = 8192;

export class Fields {
  readonly #path: string;
  readonly #json: Json;
  readonly #violations: Violation[];
  readonly #read = new Set<string>();

  /** `path` names the file, and the object in it; violations are added to `violations`. */
  constructor(path: string, json: Json, violations: Violation[]) {
    this.#path = path;
    this.#json = json;
    this.#violations = violations;
  }

  /** `undefined` where the field is missing. Null is a value: the reference does not take the default for it. */
  value(name: string): unknown {
    this.#read.add(name);
    return this.#json[name];
  }

  /** These say nothing here, because what they belong to is off. */
  ignore(...names: readonly string[]): void {
    for (const name of names) this.#read.add(name);
  }

  refuse(name: string, expected: string, remedy: string): void {
    const path = `${this.#path}/${name}`;
    this.#violations.push({ path, expected, actual: show(this.#json[name]), remedy });
  }

  boolean(name: string, fallback: boolean): boolean {
    const value = this.value(name);
    if (typeof value === 'boolean') return value;
    if (value === null) return false;
    if (value !== undefined) this.refuse(name, 'true or false', 'correct it');
    return fallback;
  }

  number(name: string, fallback: number, accept: (value: number) => boolean, expected: string): number {
    const value = this.value(name);
    if (typeof value === 'number' && Number.isFinite(value) && accept(value)) return value;
    if (value !== undefined) this.refuse(name, expected, 'correct it');
    return fallback;
  }

  oneOf<T extends string>(name: string, fallback: T, choices: readonly T[]): T {
    const value = this.value(name);
    if (choices.includes(value as T)) return value as T;
    if (value !== undefined) this.refuse(name, `one of ${choices.map(show).join(', ')}`, 'use one of these');
    return fallback;
  }

  /** Three numbers, or one that stands for all channels. */
  triple(name: string, fallback: Triple, accept: (value: number) => boolean, expected: string): Triple {
    const value = this.value(name);
    const list = typeof value === 'number' ? [value, value, value] : value;
    if (Array.isArray(list) && list.length === 3 && list.every((one) => Number.isFinite(one) && accept(one)))
      return list as unknown as Triple;
    if (value !== undefined) this.refuse(name, expected, 'correct it');
    return fallback;
  }

  /** Whatever was not asked for, without the nulls: those are off. */
  unread(): string[] {
    return Object.keys(this.#json).filter((name) => !this.#read.has(name) && this.#json[name] !== null);
  }
}

export const isSide = (value: unknown): value is number =>
  Number.isInteger(value) && (value as number) >= 1 && (value as number) <= MAX_SIDE;

/** `[height, width]` or `{height, width}`, nulls left out; `undefined` for anything else. */
export function heightAndWidth(value: unknown): { height: number; width: number } | undefined {
  const [height, width] = Array.isArray(value) && value.length === 2 ? value : [];
  if (isSide(height) && isSide(width)) return { height, width };
  const keys = sizeKeys(value);
  return Object.keys(keys).length === 2 && isSide(keys['height']) && isSide(keys['width'])
    ? { height: keys['height'], width: keys['width'] }
    : undefined;
}

export function sizeKeys(value: unknown): Json {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return {};
  return Object.fromEntries(Object.entries(value).filter(([, side]) => side !== null));
}

/** @throws TriptychError MODEL_INVALID with all violations, where there are any. */
export function refuseViolations(violations: readonly Violation[]): void {
  if (violations.length === 0) return;
  const lines = violations.map(
    ({ path, expected, actual, remedy }) => `${path}: expected ${expected}, got ${actual}; ${remedy}`,
  );
  throw new TriptychError(
    'MODEL_INVALID',
    `The image preprocessing cannot be followed: ${lines.join(' | ')}`,
    {
      violations,
    },
  );
}
