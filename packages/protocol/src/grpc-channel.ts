/**
 * How control plane and workers hold on to each other: the settings that both ends of every channel between them share, and a
 * client that is made anew where its connection does not come up.
 */
import { type ChannelOptions, type Client, connectivityState } from '@grpc/grpc-js';
import { TriptychError } from './errors.ts';

/** A specification with many peers or a part of a large artifact passes; a mistake does not take all memory. */
const MESSAGE_BYTES = 64 * 1024 * 1024;

/** What notices a connection that exists on one side alone (a host that vanished, a firewall that forgot it) within 10 s. */
const keepalive = {
  'grpc.keepalive_time_ms': 5_000,
  'grpc.keepalive_timeout_ms': 5_000,
  'grpc.keepalive_permit_without_calls': 1,
} as const;

/** For servers and clients on threads that never block. */
export const channelOptions: ChannelOptions = {
  ...keepalive,
  'grpc.max_receive_message_length': MESSAGE_BYTES,
  'grpc.max_send_message_length': MESSAGE_BYTES,
  // The defaults wait up to two minutes between attempts to connect; what was restarted is there in seconds.
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 1_000,
  // By default a name is looked up every 30 s at most: too late for one that has a new address.
  'grpc.dns_min_time_between_resolutions_ms': 500,
  'grpc.service_config_disable_resolution': 1,
  // A new client is to be a new connection, not the old one from the pool that all clients share.
  'grpc.use_local_subchannel_pool': 1,
};

/** For a client on a thread that computes: it may be late to read an answer by as much as a step takes. */
export const patientChannelOptions: ChannelOptions = {
  ...channelOptions,
  'grpc.keepalive_time_ms': 10_000,
  'grpc.keepalive_timeout_ms': 20_000,
};

/** The longest that a connection may take to be usable. gRPC itself waits for ever for a peer that accepts and says nothing. */
const CONNECT_MS = 4_000;

export interface ClientSourceOptions {
  readonly connectMs?: number;
}

/** One client at a time for one address. Calls on a client that was replaced end with UNAVAILABLE where they had not begun. */
export class ClientSource<C extends Client> {
  readonly #open: () => C;
  readonly #connectMs: number;
  #client: C | undefined;
  #connecting: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(open: () => C, { connectMs = CONNECT_MS }: ClientSourceOptions = {}) {
    this.#open = open;
    this.#connectMs = connectMs;
  }

  /** For the next call: ask each time, it may be another one. @throws TriptychError `CANCELLED` where it was closed */
  get client(): C {
    if (this.#closed) throw new TriptychError('CANCELLED', 'The connection was closed');
    this.#client ??= this.#open();
    const client = this.#client;
    if (!isConnected(client))
      this.#connecting ??= setTimeout(() => {
        this.#connecting = undefined;
        if (this.#client === client && !isConnected(client)) this.renew();
      }, this.#connectMs).unref();
    return client;
  }

  /** The next call looks the name up and connects anew. */
  renew(): void {
    clearTimeout(this.#connecting);
    this.#connecting = undefined;
    this.#client?.close();
    this.#client = undefined;
  }

  close(): void {
    this.renew();
    this.#closed = true;
  }
}

const isConnected = (client: Client): boolean =>
  client.getChannel().getConnectivityState(false) === connectivityState.READY;
