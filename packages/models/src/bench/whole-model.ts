/** A workload of its own making, of which every parameter is trained. */
import { ParameterLayout, type Parameters, type Recording } from '@triptych/nn';
import type { FlatTensors, Inputs, OpenWorkload } from './workload.ts';

type RecordLoss = (parameters: Parameters, inputs: Inputs, batch: number) => Recording;

export class WholeModel implements OpenWorkload {
  readonly parameters: Parameters;
  readonly #recordLoss: RecordLoss;

  /** Adopts the parameters. */
  constructor(parameters: Parameters, recordLoss: RecordLoss) {
    this.parameters = parameters;
    this.#recordLoss = recordLoss;
  }

  async frozen(): Promise<FlatTensors> {
    return { layout: new ParameterLayout([]), flat: new Float32Array(0) };
  }

  record(inputs: Inputs, batch: number): Recording {
    return this.#recordLoss(this.parameters, inputs, batch);
  }

  [Symbol.dispose](): void {
    this.parameters.dispose();
  }
}
