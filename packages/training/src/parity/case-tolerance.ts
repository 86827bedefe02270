/** The tolerances that a case.json states, in the several ways in which the cases do. */
import type { Tolerance } from '@triptych/nn';

/** Where a case says nothing: what float32 sums in another order give. */
const USUAL: Tolerance = { relative: 1e-5, absolute: 1e-6 };

/**
 * `tolerance.rtol` and `tolerance.atol` are numbers, texts that begin with one, or objects with one for each of several
 * `stages` (forward, grad, after3); the first stage that is named there counts.
 */
export function statedTolerance(
  about: Readonly<Record<string, unknown>>,
  ...stages: readonly string[]
): Tolerance {
  const stated = recordOf(about['tolerance']);
  const [relative, absolute] = [stated['rtol'], stated['atol']].map((value) => numberIn(value, stages));
  if (relative === undefined && absolute === undefined) return USUAL;
  return { relative: relative ?? 0, absolute: absolute ?? 0 };
}

/** "absolute 1e-3", "relative 1e-2", "atol 1e-6 (why)", a number (absolute), as the field `name` of the tolerance says. */
export function namedTolerance(
  about: Readonly<Record<string, unknown>>,
  name: string,
): Tolerance | undefined {
  const stated = recordOf(about['tolerance'])[name];
  if (typeof stated === 'number') return { relative: 0, absolute: stated };
  if (typeof stated !== 'string') return undefined;
  const [, how, value] = /(absolute|relative|atol|rtol)\s*([\d.]+(?:e-?\d+)?)/i.exec(stated) ?? [];
  if (value === undefined) return undefined;
  const amount = Number(value);
  return how!.startsWith('r') ? { relative: amount, absolute: 0 } : { relative: 0, absolute: amount };
}

function numberIn(value: unknown, stages: readonly string[]): number | undefined {
  if (typeof value === 'number') return value;
  if (typeof value === 'string') {
    const number = Number.parseFloat(value);
    return Number.isNaN(number) ? undefined : number;
  }
  const byStage = recordOf(value);
  const stage = stages.find((name) => byStage[name] !== undefined);
  return stage === undefined ? undefined : numberIn(byStage[stage], []);
}

export const recordOf = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
