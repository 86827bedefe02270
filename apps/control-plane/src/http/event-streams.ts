/** Server-sent events as answers: each stream ends with what it tells of, with its client, or with the server. */
import { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';
import { Type } from 'typebox';
import type { App } from './app.ts';
import { type Follower, Followers } from './followers.ts';
import type { Services } from './services.ts';

/** As an answer of a route. */
export const EventStream = Type.String({
  contentMediaType: 'text/event-stream',
  description: 'Server-sent events; `data` of each is JSON',
});

export interface Following {
  /** The stream disposes of it. */
  readonly follower: Follower;
  readonly signal: AbortSignal;
  /** A comment after so long a silence, so that no proxy takes the connection for dead. */
  readonly heartbeatMs?: number;
}

export class EventStreams {
  readonly #followers: Followers;
  readonly #stopping = new AbortController();

  constructor(app: App, services: Pick<Services, 'history' | 'notifier'>) {
    this.#followers = new Followers(services);
    app.addHook('preClose', async () => this.#stopping.abort(new Error('the server is stopping')));
  }

  /**
   * @param subject id of the run or dataset that is followed; `after`: sequence of the last event that the reader knows.
   * @throws TriptychError UNAVAILABLE where too many streams are open
   */
  send(
    reply: FastifyReply,
    { subject, after = 0 }: { readonly subject: string; readonly after?: number },
    messages: (following: Following) => AsyncIterable<string>,
  ): FastifyReply {
    const gone = new AbortController();
    const follower = this.#followers.follow(subject, after);
    const leave = () => {
      gone.abort();
      follower[Symbol.dispose]();
    };
    reply.raw.once('close', leave);
    if (reply.raw.closed) leave();
    const signal = AbortSignal.any([gone.signal, this.#stopping.signal]);
    return reply
      .headers({ 'cache-control': 'no-store', 'x-accel-buffering': 'no', connection: 'close' })
      .type('text/event-stream; charset=utf-8')
      .send(Readable.from(messages({ follower, signal })));
  }
}
