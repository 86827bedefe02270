/** Errors as they cross between threads: the code survives, and running out of memory gets its code and a remedy. */
import { type ErrorCode, memoryRemedy, TriptychError, type Violation } from '@triptych/protocol';

export interface Failure {
  readonly code: ErrorCode;
  readonly message: string;
  readonly violations: readonly Violation[];
  /** The rank that brought the group down, where another one did. */
  readonly blamedRank: number | undefined;
  /** For the log only. */
  readonly stack: string;
  /** False where the thread may be damaged: it ran out of memory, or something happened that nobody foresaw. */
  readonly reusable: boolean;
}

export function failureOf(error: unknown): Failure {
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  const circumstances = { stack, blamedRank: blamedRankOf(error) };
  if (isOutOfMemory(error)) {
    return {
      code: 'OUT_OF_MEMORY',
      message: outOfMemory(error),
      violations: [],
      ...circumstances,
      reusable: false,
    };
  }
  if (error instanceof TriptychError) {
    const { code, message, violations } = error;
    return {
      code,
      message,
      violations,
      ...circumstances,
      reusable: code !== 'OUT_OF_MEMORY' && code !== 'INTERNAL',
    };
  }
  const message = `The compute thread failed: ${error instanceof Error ? error.message : String(error)}`;
  return { code: 'INTERNAL', message, violations: [], ...circumstances, reusable: false };
}

export function errorOf({ code, message, violations, stack, blamedRank }: Failure): TriptychError {
  const cause = blamedRank === undefined ? undefined : { rank: blamedRank };
  const error = new TriptychError(code, message, { violations, cause });
  error.stack = stack;
  return error;
}

/** Whom an aborted collective blames: in the cause, or, once it has crossed threads, in its words. */
function blamedRankOf(error: unknown): number | undefined {
  for (let at = error; typeof at === 'object' && at !== null; at = (at as { cause?: unknown }).cause) {
    const { rank } = at as { rank?: unknown };
    if (typeof rank === 'number') return rank;
  }
  const named = error instanceof Error ? /\brank (\d+) broke the group\b/.exec(error.message) : undefined;
  return named ? Number(named[1]) : undefined;
}

/**
 * V8's heap limit, ArrayBuffer allocation, growth of a wasm memory, Emscripten's abort, TensorFlow's allocator: each says it in
 * its own words.
 */
function isOutOfMemory(error: unknown): boolean {
  const { code, message, name } = error as { code?: unknown; message?: unknown; name?: unknown };
  if (code === 'ERR_WORKER_OUT_OF_MEMORY') return true;
  const text = typeof error === 'string' ? error : `${String(name)}: ${String(message)}`;
  return OUT_OF_MEMORY.some((pattern) => pattern.test(text));
}

const OUT_OF_MEMORY = [
  /^RangeError: (Array buffer allocation failed|WebAssembly\.Memory)/,
  /abort(ed)?\(.*(OOM|out of memory|cannot enlarge memory|malloc)/i,
  /Cannot enlarge memory|memory access out of bounds.*grow/i,
  /\bOOM when allocating\b|ResourceExhausted|std::bad_alloc/,
];

function outOfMemory(error: unknown): string {
  const said = error instanceof Error ? error.message : String(error);
  return `The worker ran out of memory (${said}); ${memoryRemedy}, choose a smaller model, or use workers with more memory`;
}
