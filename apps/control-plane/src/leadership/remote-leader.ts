/** The leader as another control plane asks it: over gRPC, where and with the secret that the database has of its term. */
import { Metadata, type ServiceError } from '@grpc/grpc-js';
import {
  type Collection,
  channelOptions,
  channelTo,
  codeSaid,
  leader as leaderApi,
  PredictionResult,
  parse,
  secretKeys,
  type TlsIdentity,
  TriptychError,
  type WorkerState,
  type worker,
} from '@triptych/protocol';
import type { Logger } from '@triptych/runtime';
import { fromServiceError } from '../grpc/service-error.ts';
import { type PredictionStep, predictionFailure } from '../predictions/predictor.ts';
import type { Occupations } from '../registry/fleet-list.ts';
import type { Leader } from '../store/leader-record.ts';
import type { LeaderDuties } from './leader-duties.ts';
import { notLeader } from './term.ts';

export interface RemoteLeaderOptions {
  /** Who leads by the record. */
  readonly read: () => Promise<Leader | undefined>;
  readonly tls?: TlsIdentity | undefined;
  readonly logger: Logger;
}

const ANSWER_MS = 5_000;
/** As long as the leader may look through its artifacts. */
const COLLECT_MS = 600_000;

export class RemoteLeader implements LeaderDuties {
  readonly #options: RemoteLeaderOptions;
  #connected: { readonly to: Leader; readonly client: leaderApi.LeaderClient } | undefined;

  constructor(options: RemoteLeaderOptions) {
    this.#options = options;
  }

  async occupations(): Promise<Occupations> {
    const { occupations } = await this.#ask<leaderApi.ListOccupationsResponse>(ANSWER_MS, (client, ...call) =>
      client.listOccupations({}, ...call),
    );
    return new Map(
      occupations.map(({ workerId, state, runId, rank }) => [
        workerId,
        {
          state: state as WorkerState,
          ...(runId !== undefined && { runId }),
          ...(rank !== undefined && { rank }),
        },
      ]),
    );
  }

  async *predict(asked: worker.PredictRequest, signal: AbortSignal): AsyncGenerator<PredictionStep, void> {
    const { to, client } = await this.#connect();
    const call = client.makePrediction(asked, showing(to));
    const cancel = () => call.cancel();
    signal.addEventListener('abort', cancel, { once: true });
    // The iterator reports the first error; grpc-js may emit more when the call is cancelled.
    call.on('error', () => {});
    try {
      signal.throwIfAborted();
      for await (const { event } of call as AsyncIterable<leaderApi.PredictionStep>) {
        if (event?.$case === 'failed') throw predictionFailure(event.value);
        if (event?.$case === 'text') yield { kind: 'text', text: event.value.text };
        else if (event?.$case === 'answer')
          yield {
            kind: 'result',
            workerId: event.value.workerId,
            result: parse(PredictionResult, JSON.parse(event.value.resultJson), 'result of the leader'),
          };
      }
    } catch (error) {
      signal.throwIfAborted();
      throw failureOf(error, to);
    } finally {
      signal.removeEventListener('abort', cancel);
      call.cancel();
    }
  }

  collect(): Promise<Collection> {
    return this.#collect({ soon: false }, COLLECT_MS);
  }

  collectSoon(): void {
    this.#collect({ soon: true }, ANSWER_MS).catch((err: unknown) =>
      this.#options.logger.info(
        { event: 'collection-not-asked', err },
        'The leader was not told that something was deleted; its next round finds it',
      ),
    );
  }

  close(): void {
    this.#connected?.client.close();
    this.#connected = undefined;
  }

  async #collect(request: leaderApi.CollectArtifactsRequest, withinMs: number): Promise<Collection> {
    const answer = await this.#ask<leaderApi.CollectArtifactsResponse>(withinMs, (client, ...call) =>
      client.collectArtifacts(request, ...call),
    );
    const { removed, removedBytes, kept, waiting } = answer;
    return { removed, removedBytes, kept, waiting };
  }

  async #ask<Answer>(
    withinMs: number,
    invoke: (
      client: leaderApi.LeaderClient,
      metadata: Metadata,
      options: { deadline: number },
      done: (error: ServiceError | null, answer: Answer) => void,
    ) => unknown,
  ): Promise<Answer> {
    const { to, client } = await this.#connect();
    return new Promise((resolve, reject) => {
      invoke(client, showing(to), { deadline: Date.now() + withinMs }, (error, answer) =>
        error ? reject(failureOf(error, to)) : resolve(answer),
      );
    });
  }

  /** One connection for each term. @throws TriptychError `NOT_LEADER` where nobody has ever led */
  async #connect() {
    const { read, tls } = this.#options;
    const to = await read();
    if (!to) throw notLeader('No control plane leads yet; try again in a moment');
    if (this.#connected?.to.term !== to.term) {
      this.close();
      const channel = channelTo('control-plane', tls, channelOptions);
      this.#connected = { to, client: new leaderApi.LeaderClient(to.grpcAddress, ...channel) };
    }
    return this.#connected;
  }
}

function showing({ secret }: Leader): Metadata {
  const metadata = new Metadata();
  metadata.set(secretKeys.term, secret);
  return metadata;
}

/** What the leader says is the answer; where it says nothing, or leads no more, the next one is found in a moment. */
function failureOf(error: unknown, { name, grpcAddress }: Leader): TriptychError {
  if (error instanceof TriptychError) return error;
  const said = codeSaid(error as ServiceError);
  if (said && said !== 'UNAUTHENTICATED' && said !== 'NOT_LEADER')
    return new TriptychError(said, (error as ServiceError).details, { cause: error });
  const { message } = fromServiceError(error, `the one that leads, ${name} at ${grpcAddress}, did not do it`);
  return notLeader(`This control plane does not lead, and ${message}; try again in a moment`);
}
