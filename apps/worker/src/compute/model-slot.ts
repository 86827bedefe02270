/** The one model that the compute thread keeps open for predictions: the next question about it need not load it again. */
import { type ModelToOpen, OpenedModel } from '@triptych/training';

export class ModelSlot {
  #open: { readonly key: string; readonly model: OpenedModel } | undefined;

  /** Owned by the slot: it is closed when another one is opened. */
  async open(wanted: ModelToOpen): Promise<OpenedModel> {
    const key = JSON.stringify([wanted.artifact, wanted.inputs]);
    if (this.#open?.key === key) return this.#open.model;
    this.close();
    const model = await OpenedModel.open(wanted);
    this.#open = { key, model };
    return model;
  }

  close(): void {
    this.#open?.model[Symbol.dispose]();
    this.#open = undefined;
  }
}
