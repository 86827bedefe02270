/** Failures that come from what is stored, and which artifact they mean. Pure. */
import type { ErrorCode } from '@triptych/protocol';

export const isAboutArtifacts = (code: ErrorCode): boolean =>
  code === 'ARTIFACT_CORRUPT' || code === 'NOT_FOUND';

/** What a generation made cannot be used: it cannot be read back, or has other bits than before. */
export const isAboutResults = (code: ErrorCode): boolean =>
  isAboutArtifacts(code) || code === 'NOT_DETERMINISTIC';

/** A message that names artifacts, and not this one, is about another: a part of the dataset, the base model. */
export function isAbout(
  failure: { readonly code: ErrorCode; readonly message: string },
  sha256: string,
): boolean {
  if (!isAboutArtifacts(failure.code)) return false;
  const named: readonly string[] = failure.message.match(/\b[0-9a-f]{64}\b/g) ?? [];
  return named.length === 0 || named.includes(sha256);
}
