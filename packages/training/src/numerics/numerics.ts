/** How this thread computes, found out by having it compute; and the comparison with those it is to train with. */
import type { ProcessGroup } from '@triptych/collective';
import type { EngineDescription } from '@triptych/nn';
import {
  type Numerics,
  NumericsFacts,
  numericsDifference,
  numericsOf,
  parse,
  TriptychError,
} from '@triptych/protocol';
import { arithmeticCanary } from './canary/arithmetic.ts';
import { pictureCanary } from './canary/pictures.ts';
import { textCanary } from './canary/text.ts';

/** The engine must have been selected; call it where the training will compute. `version`: of Triptych. */
export async function measureNumerics(engine: EngineDescription, version: string): Promise<Numerics> {
  const { backend, device, gemm, precision, threads, versions = {} } = engine;
  const libraries = Object.entries(versions).map(([name, of]) => `${name} ${of}`);
  return numericsOf({
    ...{ backend, device, gemm, precision, threads, version },
    libraries: libraries.sort().join(', '),
    arithmetic: short(await arithmeticCanary()),
    pictures: short(await pictureCanary()),
    text: short(textCanary()),
  });
}

const short = (hash: string): string => hash.slice(0, 12);

/**
 * Ranks ask each other, whatever the control plane believes of them.
 * @throws TriptychError OTHER_NUMERICS on every rank, naming the ranks that differ from rank 0, and in what.
 */
export async function assertRanksComputeAlike(group: ProcessGroup, own: Numerics): Promise<void> {
  const all = await group.allGather(new TextEncoder().encode(JSON.stringify(factsOf(own))));
  const [first, ...others] = all.map((bytes) =>
    parse(NumericsFacts, JSON.parse(new TextDecoder().decode(bytes)), 'numerics of a rank'),
  );
  const differences = others.flatMap((other, i) => {
    const difference = numericsDifference(first!, other);
    return difference ? [`rank 0 has ${difference.one}, rank ${i + 1} has ${difference.other}`] : [];
  });
  if (differences.length > 0)
    throw new TriptychError('OTHER_NUMERICS', `The ranks do not compute alike: ${differences.join('; ')}`);
}

const factsOf = ({ digest: _, ...facts }: Numerics): NumericsFacts => facts;
