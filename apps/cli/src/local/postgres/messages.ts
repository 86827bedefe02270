/** What the launcher and the guard of the database tell each other over their IPC channel. */

export interface StartDatabase {
  /** Belongs to the database; created if needed. */
  readonly folder: string;
  readonly password: string;
  /** True where the password was just made: whatever lies in another folder for this one belongs to a home that was deleted. */
  readonly fresh: boolean;
  /** Where a database that died has to come back; a free one where it is left out. */
  readonly port?: number;
}

export type GuardMessage =
  | { readonly kind: 'ready'; readonly port: number; readonly pid: number }
  | { readonly kind: 'failed'; readonly message: string };
