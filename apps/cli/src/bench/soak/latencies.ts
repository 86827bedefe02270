/** How long requests took until their answer began, by route. */

export interface Quantiles {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

export class Latencies {
  readonly #ms = new Map<string, number[]>();
  /** Answers that were no success, by status and route. */
  readonly refused = new Map<string, number>();

  /** Streams are not counted: they answer when there is something to tell. */
  readonly fetch: typeof fetch = async (input, init) => {
    const url = new URL(input instanceof Request ? input.url : input);
    const name = `${init?.method ?? 'GET'} ${routeOf(url.pathname)}`;
    const began = performance.now();
    const response = await fetch(input, init);
    if (!response.ok) {
      const key = `${response.status} ${name}`;
      this.refused.set(key, (this.refused.get(key) ?? 0) + 1);
    }
    if (!name.endsWith('/events')) this.add(name, performance.now() - began);
    return response;
  };

  add(name: string, ms: number): void {
    const known = this.#ms.get(name);
    if (known) known.push(ms);
    else this.#ms.set(name, [ms]);
  }

  byRoute(): Record<string, Quantiles> {
    return Object.fromEntries([...this.#ms].sort().map(([name, all]) => [name, quantilesOf(all)]));
  }

  all(): Quantiles {
    return quantilesOf([...this.#ms.values()].flat());
  }
}

export function quantilesOf(all: readonly number[]): Quantiles {
  const sorted = [...all].sort((a, b) => a - b);
  const at = (q: number) => sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? 0;
  return { count: sorted.length, p50: at(0.5), p99: at(0.99), max: at(1) };
}

const routeOf = (path: string): string =>
  path.replace(/(\/v1\/[a-z]+\/)(?!plan$|collections$)[^/]+/, '$1:id');
