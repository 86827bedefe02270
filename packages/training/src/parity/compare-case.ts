/** One golden case against our implementation, on the backend that is selected. */
import type { GoldenCase } from '@triptych/nn';
import { TriptychError } from '@triptych/protocol';
import type { KindOptions } from './kind.ts';
import type { CaseReport } from './launch/messages.ts';
import { kinds } from './registry.ts';

/** Never rejects for what a case can cause. */
export async function compareCase(golden: GoldenCase, options: KindOptions = {}): Promise<CaseReport> {
  const identity = { case: golden.name, folder: golden.folder };
  let kind = 'unknown';
  try {
    const found = kinds.find((one) => one.recognises(golden));
    if (!found) {
      const known = kinds.map(({ name }) => name).join(', ');
      return { ...identity, state: 'unknown', message: `none of the known kinds (${known}) has these files` };
    }
    kind = found.name;
    const checks = await found.check(golden, options);
    return { ...identity, state: 'compared', kind, checks, within: checks.every(({ within }) => within) };
  } catch (error) {
    return { ...identity, state: 'failed', kind, message: describe(error) };
  }
}

function describe(error: unknown): string {
  if (error instanceof TriptychError) return `${error.code}: ${error.message}`;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
