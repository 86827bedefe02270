/** What the launcher and the guard of the database tell each other over their IPC channel. */

export interface StartDatabase {
  /** Belongs to the database; created if needed. */
  readonly folder: string;
  readonly password: string;
}

export type GuardMessage =
  | { readonly kind: 'ready'; readonly port: number; readonly pid: number }
  | { readonly kind: 'failed'; readonly message: string };
