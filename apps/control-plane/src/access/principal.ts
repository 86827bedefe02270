/** Who makes a request, as far as it was told. */
import type { Scope } from '@triptych/protocol';

export interface Principal {
  /** What events and the audit call the actor. */
  readonly name: string;
  readonly scope: Scope;
  /** How it was told; `nothing` where nobody is asked. */
  readonly via: 'token' | 'login' | 'nothing';
  /** Absent for the admin token of the configuration. */
  readonly tokenId?: string;
  /** Of the token or, if that is earlier, of the login. */
  readonly expiresAt?: Date;
  /** Of the token that it came with, or that its login came from. */
  readonly tokenHash?: string;
}

/** Everybody, where nobody is asked. */
export const anonymous: Principal = { name: 'anonymous', scope: 'admin', via: 'nothing' };
