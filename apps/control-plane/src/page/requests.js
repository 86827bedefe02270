/** Questions to the service, and what it says is wrong. */

const PATIENCE_MS = 10_000;

/** The service wants to know who asks. */
export class LoggedOut extends Error {}

/** What is at a path. Rejects with the status where the service does not give it. */
export async function read(path) {
  const response = await fetch(path, { signal: AbortSignal.timeout(PATIENCE_MS) });
  if (response.status === 401) throw new LoggedOut('log in first');
  if (!response.ok) throw new Error(`HTTP ${response.status}`);
  return response.json();
}

/** The answer to a request that changes something. Rejects with what the service says is wrong. */
export const post = (path, body) => send('POST', path, body);

export const remove = (path) => send('DELETE', path);

/** {@link post} by another method. */
export async function send(method, path, body) {
  const response = await fetch(path, {
    method,
    ...(body && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    signal: AbortSignal.timeout(PATIENCE_MS),
  });
  if (response.status === 204) return undefined;
  const answer = await response.json();
  if (!response.ok) throw new Error(problemText(answer));
  return answer;
}

/** A line for each thing that is wrong. */
export function problemText({ detail, violations = [] }) {
  if (violations.length === 0) return detail;
  return violations
    .map(({ path, expected, actual, remedy }) => `${path}: expected ${expected}, got ${actual}; ${remedy}`)
    .join('\n');
}
