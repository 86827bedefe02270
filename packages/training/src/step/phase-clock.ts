/** How long each phase of a step took. Phases may be entered again; their times add up. */
export interface PhaseSeconds {
  readonly forwardBackward: number;
  /** Everything that goes over the network, waiting for slower ranks included. */
  readonly allReduce: number;
  readonly optimizer: number;
}

export class PhaseClock {
  readonly #seconds = { forwardBackward: 0, allReduce: 0, optimizer: 0 };
  #phase: keyof PhaseSeconds = 'forwardBackward';
  #since = performance.now();

  enter(phase: keyof PhaseSeconds): void {
    const now = performance.now();
    this.#seconds[this.#phase] += (now - this.#since) / 1000;
    this.#phase = phase;
    this.#since = now;
  }

  stop(): PhaseSeconds {
    this.enter(this.#phase);
    return this.#seconds;
  }
}
