/**
 * Decides who may use this worker for what: one training at a time, and a newer owner always wins over an older; one prediction
 * at a time while nothing is trained, and a training ends it.
 */
import { type control, TriptychError, type worker } from '@triptych/protocol';
import { Assignment, type AssignmentOptions } from './assignment.ts';
import { EndedAttempts } from './ended-attempts.ts';
import { Predictor } from './predictor.ts';
import { type Membership, type TrainCommand, trainCommandOf } from './train-request.ts';

export interface TrainerOptions extends AssignmentOptions {
  /** This process in the control plane's registry; empty before the first registration. */
  readonly workerId?: () => string;
}

export class Trainer {
  readonly #options: TrainerOptions;
  readonly #predictor: Predictor;
  readonly #ended = new EndedAttempts();
  #current: Assignment | undefined;
  #draining = false;

  constructor(options: TrainerOptions) {
    this.#options = options;
    this.#predictor = new Predictor(options);
  }

  get draining(): boolean {
    return this.#draining;
  }

  /** What a control plane that has just started should know about this worker. */
  assignments(): control.Assignment[] {
    return this.#current?.pending ? [{ ...this.#current.membership }] : [];
  }

  /**
   * Starts the rank, or re-attaches to it, and yields its events until the last one. `signal` is the life of the caller's
   * connection: its end leaves the training running.
   * @throws TriptychError INVALID_INPUT; FENCED for an owner that was replaced; ILLEGAL_STATE while another run is training;
   * WORKER_LOST where what the caller wants the rest of is not here, as with a process that had this address before.
   */
  async *train(request: worker.TrainRequest, signal: AbortSignal): AsyncGenerator<worker.TrainEvent> {
    const command = trainCommandOf(request);
    this.#assertMeant(command);
    const assignment = await this.#assign(command);
    yield* assignment.attach(command, signal);
  }

  /**
   * Ends the run's training, if it is here, and keeps a call to train that was sent before from starting it later. Answers when
   * the compute thread is free. Its token is not remembered for the training: who ends one attempt need not own the next.
   */
  async stop({ runId, attempt, fencingToken, reason }: worker.StopRequest): Promise<worker.StopResponse> {
    const current = this.#current;
    const isHere =
      current?.membership.runId === runId && (attempt === 0 || current.membership.attempt <= attempt);
    if (isHere) current.assertNotOlder(fencingToken);
    this.#ended.add({ runId, attempt, fencingToken });
    if (!isHere) return { wasRunning: false };
    const wasRunning = current.live;
    current.dismiss();
    await current.stop(new TriptychError('CANCELLED', reason || 'The supervisor stopped the training'));
    return { wasRunning };
  }

  /**
   * Asks a model one thing and yields what comes, the failure included. The end of `signal` ends it.
   * @throws TriptychError INVALID_INPUT for a request that is malformed; UNAVAILABLE while the worker does something else.
   */
  async *predict(request: worker.PredictRequest, signal: AbortSignal): AsyncGenerator<worker.PredictEvent> {
    if (this.#draining) throw new TriptychError('UNAVAILABLE', 'The worker is shutting down');
    if (this.#current?.live)
      throw new TriptychError('UNAVAILABLE', `The worker trains run ${this.#current.membership.runId}`);
    yield* this.#predictor.predict(request, signal);
  }

  /** No control plane can give a run to other workers now, so this one need not stop for that: its time alone begins anew. */
  nobodyLeads(): void {
    this.#current?.waitOn();
  }

  /** Takes nothing new and ends what is running in a way that lets its run go on elsewhere. */
  async drain(reason: string): Promise<void> {
    this.#draining = true;
    await this.#predictor.end(`The worker is shutting down (${reason})`);
    await this.#current?.stop(new TriptychError('WORKER_DRAINED', `The worker is shutting down (${reason})`));
  }

  async #assign(command: TrainCommand): Promise<Assignment> {
    for (;;) {
      const current = this.#current;
      const relation = current ? relationOf(command, current.membership) : 'unrelated';
      if (current && relation === 'same') return current;
      if (this.#draining) throw new TriptychError('WORKER_DRAINED', 'The worker is shutting down');
      if (current && relation === 'unrelated' && current.live) throw busy(current.membership);
      // Only an owner can begin an attempt: a newer one needs no higher token than the old one was last called with.
      if (current && relation === 'older') throw outdated(command, current.membership);
      if (this.#ended.includes(command)) throw ended(command);
      if (this.#predictor.busy) {
        await this.#predictor.end('A training takes the worker');
        continue;
      }
      if (!current?.live) {
        if (command.afterSequence > 0) throw nothingLeft(command);
        return this.#start(command);
      }
      // The supervisor has given up on the old generation. Look again afterwards: another call may have come first.
      await current.stop(
        new TriptychError('FENCED', `Generation ${command.generation} of the run replaces this one`),
      );
    }
  }

  /** A process that comes up where another one was has nothing of what that one did. */
  #assertMeant({ rank, peers }: TrainCommand): void {
    const workerId = this.#options.workerId?.();
    const meant = peers.find((peer) => peer.rank === rank)?.workerId;
    if (workerId === undefined || !meant || meant === workerId) return;
    if (workerId === '') throw new TriptychError('UNAVAILABLE', 'The worker has not registered yet');
    throw new TriptychError('WORKER_LOST', `Worker ${meant} is gone; at its address is ${workerId}`);
  }

  #start(command: TrainCommand): Assignment {
    this.#current = new Assignment(command, this.#options);
    return this.#current;
  }
}

type Relation = 'same' | 'newer' | 'older' | 'unrelated';

function relationOf(asked: Membership, present: Membership): Relation {
  if (asked.runId !== present.runId) return 'unrelated';
  const difference = asked.attempt - present.attempt || asked.generation - present.generation;
  if (difference !== 0) return difference > 0 ? 'newer' : 'older';
  if (asked.rank === present.rank) return 'same';
  throw new TriptychError(
    'ILLEGAL_STATE',
    `This worker is rank ${present.rank} of the generation, not ${asked.rank}`,
  );
}

const busy = ({ runId, rank }: Membership) =>
  new TriptychError(
    'ILLEGAL_STATE',
    `The worker is busy: it trains rank ${rank} of run ${runId}; stop that first`,
  );

const outdated = (asked: Membership, present: Membership) =>
  new TriptychError(
    'FENCED',
    `Attempt ${asked.attempt}, generation ${asked.generation} is over; the worker is at ${present.attempt}, ${present.generation}`,
  );

const ended = ({ attempt, runId }: Membership) =>
  new TriptychError('FENCED', `Attempt ${attempt} of run ${runId} was stopped before this call came`);

/** Who has heard events of a training wants the rest of them; another beginning would be told as its continuation. */
const nothingLeft = ({ attempt, generation, runId }: Membership) =>
  new TriptychError(
    'WORKER_LOST',
    `The worker has nothing of attempt ${attempt}, generation ${generation} of run ${runId} any more`,
  );
