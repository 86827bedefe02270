/** A worker's registration, checked whole: gRPC types say that a pool is text, this says which text. */
import { Backend, type control, Id, MAX_COUNT, Name, parse, Text } from '@triptych/protocol';
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
});

/** @throws TriptychError `INVALID_INPUT` naming every problem. */
export const parseRegistration = (request: control.RegisterRequest): Static<typeof Registration> =>
  parse(Registration, request, 'registration');
