/** What the process that compares is asked, and what it reports. */
import type { Backend, ErrorCode } from '@triptych/protocol';
import type { Check } from './check.ts';

export interface ParityRequest {
  /** A golden case, or a folder of golden cases. */
  readonly folder: string;
  readonly backend: Backend;
  /** A folder with vocab.json and merges.txt, for cases of the tokenizer. */
  readonly vocabulary?: string | undefined;
}

export type CaseReport =
  /** Within: every result is. */
  | (CaseIdentity & {
      readonly state: 'compared';
      readonly kind: string;
      readonly within: boolean;
      readonly checks: readonly Check[];
    })
  /** Ours could not be computed. */
  | (CaseIdentity & { readonly state: 'failed'; readonly kind: string; readonly message: string })
  /** It has a case.json, but is of no kind that is known here. */
  | (CaseIdentity & { readonly state: 'unknown'; readonly message: string });

interface CaseIdentity {
  readonly case: string;
  readonly folder: string;
}

export type ParityMessage =
  | { readonly type: 'engine'; readonly backend: Backend; readonly device: string }
  | { readonly type: 'case'; readonly report: CaseReport }
  /** Nothing can be compared; the last message. */
  | { readonly type: 'refused'; readonly code: ErrorCode; readonly message: string };
