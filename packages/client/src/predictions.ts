/** Predictions: one question to a model, answered whole or piece by piece. */
import {
  isErrorCode,
  type Prediction,
  type PredictionRequest,
  type Problem,
  type TextPredictionRequest,
  TriptychError,
} from '@triptych/protocol';
import type { Call, Connection } from './connection.ts';
import { readMessages } from './event-stream.ts';

export type PredictionEvent =
  /** The next piece of the text. */
  | { readonly type: 'text'; readonly text: string }
  /** The last one. */
  | { readonly type: 'done'; readonly prediction: Prediction };

const predictionsPath = { method: 'POST', path: '/v1/predictions' } as const;

export class Predictions {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  create(request: PredictionRequest, { signal }: Call = {}): Promise<Prediction> {
    const body = 'stream' in request ? { ...request, stream: false } : request;
    return this.#connection.json({ ...predictionsPath, body, signal });
  }

  /** The text as it is written. Leaving the loop, or aborting the signal, ends the work. UNAVAILABLE where the stream breaks off. */
  async *stream(
    request: TextPredictionRequest,
    { signal }: Call = {},
  ): AsyncGenerator<PredictionEvent, void, void> {
    const response = await this.#connection.open({
      ...predictionsPath,
      ...{ headers: { accept: 'text/event-stream' }, body: { ...request, stream: true }, signal },
    });
    for await (const { event, data } of readMessages(response.body ?? noBytes())) {
      const content: unknown = JSON.parse(data);
      if (event === 'error') throw problemError(content as Problem);
      if (event === 'text') yield { type: 'text', text: (content as { text: string }).text };
      else if (event === 'done') {
        yield { type: 'done', prediction: content as Prediction };
        return;
      }
    }
    throw new TriptychError('UNAVAILABLE', 'The answer broke off before its end; ask again');
  }
}

async function* noBytes(): AsyncGenerator<Uint8Array> {}

const problemError = ({ code, detail, violations = [] }: Problem): TriptychError =>
  new TriptychError(isErrorCode(code) ? code : 'INTERNAL', detail, { violations });
