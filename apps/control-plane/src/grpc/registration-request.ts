/** A worker's registration, checked whole: gRPC types say that a pool is text, this says which text. */
import { Backend, type control, Id, Name, parse } from '@triptych/protocol';
import { type Static, Type } from 'typebox';

const Registration = Type.Object({
  workerId: Type.Union([Type.Literal(''), Id]),
  address: Type.String({ maxLength: 300 }),
  pool: Name,
  backend: Backend,
  device: Type.String({ maxLength: 200 }),
  threads: Type.Integer({ minimum: 1, maximum: 4096 }),
  memoryBytes: Type.Integer({ minimum: 0 }),
  version: Type.String({ maxLength: 100 }),
  assignments: Type.Array(
    Type.Object({
      runId: Id,
      attempt: Type.Integer({ minimum: 0 }),
      generation: Type.Integer({ minimum: 0 }),
      rank: Type.Integer({ minimum: 0 }),
    }),
    { maxItems: 16 },
  ),
});

/** @throws TriptychError `INVALID_INPUT` naming every problem. */
export const parseRegistration = (request: control.RegisterRequest): Static<typeof Registration> =>
  parse(Registration, request, 'registration');
