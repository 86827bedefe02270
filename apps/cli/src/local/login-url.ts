/** The page of a stack, as a link that logs in: once, so that what a terminal shows is worth nothing afterwards. */
import { TriptychClient } from '@triptych/client';
import type { Stack } from './options.ts';

export async function loginUrl(
  { url, token }: Pick<Stack, 'url' | 'token'>,
  signal: AbortSignal,
): Promise<string> {
  if (token === undefined) return url;
  const { code } = await new TriptychClient({ url, token }).access.createLoginCode({ signal });
  return `${url}/#login=${code}`;
}
