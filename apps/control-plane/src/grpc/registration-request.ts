/** A worker's registration, checked whole: gRPC types say that a pool is text, this says which text. */
import {
  Backend,
  type control,
  Id,
  invalidInput,
  MAX_COUNT,
  Name,
  type Numerics,
  NumericsFacts,
  numericsOf,
  parse,
  show,
  Text,
  type Violation,
} from '@triptych/protocol';
import { type Static, Type } from 'typebox';

const Count = Type.Integer({ minimum: 0, maximum: MAX_COUNT });

const Registration = Type.Object({
  workerId: Type.Union([Type.Literal(''), Id]),
  address: Text({ maxLength: 300 }),
  pool: Name,
  backend: Backend,
  device: Text({ maxLength: 200 }),
  threads: Type.Integer({ minimum: 1, maximum: 4096 }),
  memoryBytes: Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }),
  version: Text({ maxLength: 100 }),
  assignments: Type.Array(
    Type.Object({
      runId: Id,
      attempt: Count,
      generation: Count,
      rank: Count,
    }),
    { maxItems: 16 },
  ),
  trainerSecret: Text({ minLength: 32, maxLength: 200 }),
  numerics: NumericsFacts,
});

type Registration = Omit<Static<typeof Registration>, 'numerics'> & { readonly numerics: Numerics };

/** @throws TriptychError `INVALID_INPUT` naming every problem. */
export function parseRegistration(request: control.RegisterRequest): Registration {
  // Workers of releases that had no fingerprint: how they compute is not known, so they could be given no run.
  if (request.numerics === undefined) throw invalidInput('registration', [ofEarlierRelease(request)]);
  const { numerics, ...rest } = parse(Registration, request, 'registration');
  const violations = contradictions(rest, numerics);
  if (violations.length > 0) throw invalidInput('registration', violations);
  return { ...rest, numerics: numericsOf(numerics) };
}

const ofEarlierRelease = ({ version }: control.RegisterRequest): Violation => ({
  path: '/numerics',
  expected: 'how the worker computes',
  actual: `nothing (a worker of version ${show(version)})`,
  remedy: 'start workers of the release that the control plane is of',
});

function contradictions(worker: Omit<Registration, 'numerics'>, numerics: NumericsFacts): Violation[] {
  return (['backend', 'device', 'threads', 'version'] as const)
    .filter((field) => worker[field] !== numerics[field])
    .map((field) => ({
      path: `/numerics/${field}`,
      expected: `${show(worker[field])}, as the worker says of itself`,
      actual: show(numerics[field]),
      remedy: 'correct the worker that sent it',
    }));
}
