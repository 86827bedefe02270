/** What every command gets instead of reaching for the process: its streams, its interrupt, its client. */
import type { TriptychClient } from '@triptych/client';
import type { Command } from 'commander';

/** As much of a write stream as commands use. */
export interface Output {
  write(text: string): unknown;
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
}

export interface CommandContext {
  /** Results. */
  readonly stdout: Output;
  /** Progress of what is not a result, and errors. */
  readonly stderr: Output;
  /** Aborted by Ctrl-C, with {@link Interrupted} as its reason. */
  readonly signal: AbortSignal;
  /** Asks whoever sits at the terminal; absent where nobody does. */
  readonly confirm?: ((question: string) => Promise<boolean>) | undefined;
  /** For the control plane that --url names. */
  client(): TriptychClient;
  /** What the process will exit with, unless an error says otherwise. */
  exitWith(code: number): void;
}

/** One file in commands/ each. */
export interface CommandModule {
  register(program: Command, context: CommandContext): void;
}

export class Interrupted extends Error {
  constructor() {
    super('Interrupted');
    this.name = 'Interrupted';
  }
}
