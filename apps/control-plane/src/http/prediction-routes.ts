/** POST /v1/predictions: one question to a model, answered whole or as server-sent events. */
import { Readable } from 'node:stream';
import { MAX_PREDICTION_BYTES, Prediction, PredictionRequest } from '@triptych/protocol';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { questionOf, resolvePrediction } from '../predictions/prediction-resolution.ts';
import type { PredictionStep } from '../predictions/predictor.ts';
import { problems } from './answer-schema.ts';
import type { App } from './app.ts';
import { EventStream } from './event-streams.ts';
import { ModelCatalog } from './model-catalog.ts';
import { asTriptychError, problemOf } from './problem-reply.ts';
import type { Services } from './services.ts';

export function predictionRoutes(app: App, { models, runs, leader }: Services): void {
  const records = { models: new ModelCatalog(models), runs };
  const stopping = new AbortController();
  app.addHook('preClose', async () => stopping.abort(new Error('the server is stopping')));

  app.post(
    '/v1/predictions',
    {
      bodyLimit: MAX_PREDICTION_BYTES,
      // Against the schema of its kind, in the handler; a union would also tell what all other kinds want.
      validatorCompiler: () => (value) => ({ value }),
      config: { scope: 'submit', audited: false },
      schema: {
        tags: ['predictions'],
        operationId: 'createPrediction',
        summary: 'Ask a model: labels, best captions or pictures, a caption, an answer, a turn of a chat',
        description:
          'Made by a worker that trains nothing; 503 where all are busy. A text can be streamed ("stream": true). Closing the connection ends it.',
        body: PredictionRequest,
        response: { 200: Type.Union([Prediction, EventStream]), ...problems(400, 413, 415, 422) },
      },
    },
    async (request, reply) => {
      const startedAt = performance.now();
      const asked = await resolvePrediction(request.body, records);
      const gone = new AbortController();
      reply.raw.once('close', () => gone.abort(new Error('the client has gone')));
      const steps = leader.predict(questionOf(asked), AbortSignal.any([gone.signal, stopping.signal]));
      const answer = (step: Made): Prediction => ({
        model: asked.model.id,
        architecture: asked.model.architecture,
        workerId: step.workerId,
        seconds: (performance.now() - startedAt) / 1000,
        ...step.result,
      });
      return asked.stream ? stream(reply, { request, steps, answer }) : answer(await resultOf(steps));
    },
  );
}

type Made = Extract<PredictionStep, { kind: 'result' }>;

async function resultOf(steps: AsyncIterable<PredictionStep>): Promise<Made> {
  let made: Made | undefined;
  for await (const step of steps) if (step.kind === 'result') made = step;
  if (!made) throw new Error('a worker ended a prediction without a result');
  return made;
}

interface Streaming {
  readonly request: FastifyRequest;
  readonly steps: AsyncGenerator<PredictionStep, void>;
  readonly answer: (made: Made) => Prediction;
}

/** What fails before the first piece is an ordinary problem; after that, it is the last event. */
async function stream(reply: FastifyReply, { request, steps, answer }: Streaming): Promise<FastifyReply> {
  const first = await steps.next();
  return reply
    .headers({ 'cache-control': 'no-store', 'x-accel-buffering': 'no', connection: 'close' })
    .type('text/event-stream; charset=utf-8')
    .send(Readable.from(frames()));

  async function* frames(): AsyncGenerator<string, void> {
    try {
      for (let next = first; !next.done; next = await steps.next()) {
        const step = next.value;
        yield step.kind === 'text' ? frame('text', { text: step.text }) : frame('done', answer(step));
      }
    } catch (error) {
      const known = asTriptychError(error);
      request.log.warn({ event: 'prediction-broken', err: error, code: known.code }, 'A stream broke off');
      yield frame('error', problemOf(known, request.url));
    } finally {
      await steps.return();
    }
  }
}

const frame = (event: string, data: unknown): string => `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
