/** HTTP to one control plane: addresses, JSON, errors, and trying again where that is safe. It knows no resource. */
import { TriptychError } from '@triptych/protocol';
import { pause } from './pause.ts';
import { errorOf, unreachable } from './problem.ts';

export interface ConnectionOptions {
  /** Of the control plane, for example `http://127.0.0.1:8080`. */
  readonly url: string;
  /** An API token, sent with every request. */
  readonly token?: string | undefined;
  /** Sent with every request. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly fetch?: typeof fetch;
  /** Waits before the second, third... try of a request that can be repeated; empty: one try. */
  readonly retryDelaysMs?: readonly number[];
}

export interface Call {
  readonly signal?: AbortSignal | undefined;
}

export interface HttpRequest extends Call {
  readonly method?: 'GET' | 'POST' | 'DELETE';
  /** Already encoded, from {@link path}. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** True where sending it twice does what sending it once does; every GET, and whatever has an Idempotency-Key, is so. */
  readonly repeatable?: boolean;
}

export class Connection {
  readonly #url: string;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #fetch: typeof fetch;
  readonly #retryDelaysMs: readonly number[];

  constructor(options: ConnectionOptions) {
    const { url, token, headers = {}, fetch: send = fetch, retryDelaysMs = [200, 600] } = options;
    this.#url = url.replace(/\/+$/, '');
    this.#headers = { ...(token === undefined ? {} : { authorization: `Bearer ${token}` }), ...headers };
    this.#fetch = send;
    this.#retryDelaysMs = retryDelaysMs;
  }

  /** The JSON body of a 2xx answer. The caller names its type: the schema that made it is the control plane's. */
  async json<T>(request: HttpRequest): Promise<T> {
    const response = await this.open(request);
    try {
      return (await response.json()) as T;
    } catch (error) {
      request.signal?.throwIfAborted();
      throw unreachable(`${request.method ?? 'GET'} ${response.url}`, error);
    }
  }

  /**
   * A 2xx answer whose body has not been read. What is repeatable is repeated on UNAVAILABLE and TOO_MANY_REQUESTS, no earlier
   * than the service says, unless that is later than anybody would wait.
   */
  async open(request: HttpRequest): Promise<Response> {
    const repeatable =
      request.repeatable ??
      ((request.method ?? 'GET') === 'GET' || request.headers?.['idempotency-key'] !== undefined);
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await this.once(request);
      } catch (error) {
        const wait = repeatable ? waitAfter(error, this.#retryDelaysMs[attempt]) : undefined;
        if (wait === undefined) throw error;
        await pause(wait, request.signal);
      }
    }
  }

  /** Repeated on UNAVAILABLE; that there is nothing any more is then what an earlier try has done. */
  async delete({ path, signal }: Pick<HttpRequest, 'path' | 'signal'>): Promise<void> {
    for (let attempt = 0; ; attempt += 1) {
      try {
        await this.once({ method: 'DELETE', path, signal });
        return;
      } catch (error) {
        const code = error instanceof TriptychError ? error.code : undefined;
        if (attempt > 0 && code === 'NOT_FOUND') return;
        const wait = this.#retryDelaysMs[attempt];
        if (wait === undefined || code !== 'UNAVAILABLE') throw error;
        await pause(wait, signal);
      }
    }
  }

  /** Like {@link open}, without a second try. */
  async once({
    method = 'GET',
    path,
    query = {},
    headers = {},
    body,
    signal,
  }: HttpRequest): Promise<Response> {
    const url = new URL(`${this.#url}${path}`);
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined) url.searchParams.set(name, String(value));
    }
    const request = `${method} ${url.href}`;
    let response: Response;
    try {
      response = await this.#fetch(url, {
        method,
        headers: {
          accept: 'application/json',
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...this.#headers,
          ...headers,
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        ...(signal ? { signal } : {}),
      });
    } catch (error) {
      signal?.throwIfAborted();
      throw unreachable(request, error);
    }
    if (!response.ok) throw await errorOf(response, request);
    return response;
  }
}

/** The longest that a service can make a request wait by itself: a window of its limits. */
const LONGEST_WAIT_MS = 60_000;

function waitAfter(error: unknown, delayMs: number | undefined): number | undefined {
  if (delayMs === undefined || !(error instanceof TriptychError)) return undefined;
  if (error.code !== 'UNAVAILABLE' && error.code !== 'TOO_MANY_REQUESTS') return undefined;
  const asked = (error.retryAfterSeconds ?? 0) * 1000;
  return asked > LONGEST_WAIT_MS ? undefined : Math.max(delayMs, asked);
}

/** A path with its parts encoded: path`/v1/runs/${id}`. */
export function path(strings: TemplateStringsArray, ...parts: readonly string[]): string {
  return String.raw({ raw: strings }, ...parts.map(encodeURIComponent));
}
