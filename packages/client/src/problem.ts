/** From a failed HTTP exchange to the error that the service meant. */
import { type ErrorCode, isErrorCode, type Problem, TriptychError } from '@triptych/protocol';

/** The error in a response that is not 2xx: from its problem+json body, or from the status where a proxy answered instead. */
export async function errorOf(response: Response, request: string): Promise<TriptychError> {
  const text = await response.text().catch(() => '');
  const problem = problemIn(text);
  const retryAfterSeconds = secondsIn(response.headers.get('retry-after'));
  if (!problem) {
    const detail = text.trim().slice(0, 200) || response.statusText;
    return new TriptychError(codeOf(response.status), `${request} answered ${response.status}: ${detail}`, {
      retryAfterSeconds,
    });
  }
  const code = isErrorCode(problem.code) ? problem.code : codeOf(response.status);
  return new TriptychError(code, problem.detail || problem.title, {
    ...{ violations: problem.violations ?? [], retryAfterSeconds },
  });
}

/** No answer at all. */
export function unreachable(request: string, cause: unknown): TriptychError {
  const reason =
    cause instanceof Error ? (cause.cause instanceof Error ? cause.cause : cause).message : String(cause);
  return new TriptychError(
    'UNAVAILABLE',
    `${request} got no answer (${reason}); is the control plane running there?`,
    { cause },
  );
}

function problemIn(text: string): Problem | undefined {
  try {
    const body: unknown = JSON.parse(text);
    const isProblem = typeof body === 'object' && body !== null && 'code' in body && 'title' in body;
    return isProblem ? (body as Problem) : undefined;
  } catch {
    return undefined;
  }
}

/** A date, which is the other form, no service of ours sends. */
const secondsIn = (header: string | null): number | undefined =>
  header !== null && /^\d{1,6}$/.test(header) ? Number(header) : undefined;

function codeOf(status: number): ErrorCode {
  if (status === 401) return 'UNAUTHENTICATED';
  if (status === 403) return 'FORBIDDEN';
  if (status === 429) return 'TOO_MANY_REQUESTS';
  if (status === 404) return 'NOT_FOUND';
  if (status === 413) return 'BODY_TOO_LARGE';
  if (status === 415) return 'UNSUPPORTED_MEDIA_TYPE';
  if (status === 502 || status === 503 || status === 504) return 'UNAVAILABLE';
  return status >= 500 ? 'INTERNAL' : 'INVALID_INPUT';
}
