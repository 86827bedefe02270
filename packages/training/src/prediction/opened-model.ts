/** A stored model, open for predictions: nothing of it is trained, and it stays open until its owner disposes it. */
import { type Architecture, floatsOf, type Model } from '@triptych/models';
import type { ArtifactStore } from '@triptych/storage';
import { openModel } from '../loading/starting-point.ts';

export interface ModelToOpen {
  readonly store: ArtifactStore;
  /** sha256 of its file list. */
  readonly artifact: string;
  /** Options of the architecture, complete. */
  readonly inputs: Readonly<Record<string, unknown>>;
}

export class OpenedModel implements Disposable {
  readonly architecture: Architecture;
  readonly model: Model;
  /** What similarities of features are multiplied by; 1 where the model has no such parameter. */
  readonly logitScale: number;
  /** Tokens of the longest text. */
  readonly contextLength: number;

  private constructor(opened: Pick<OpenedModel, 'architecture' | 'model' | 'logitScale' | 'contextLength'>) {
    this.architecture = opened.architecture;
    this.model = opened.model;
    this.logitScale = opened.logitScale;
    this.contextLength = opened.contextLength;
  }

  /** @throws TriptychError MODEL_INVALID, INVALID_INPUT (inputs), NOT_FOUND, ARTIFACT_CORRUPT, OUT_OF_MEMORY. */
  static async open({ store, artifact, inputs }: ModelToOpen): Promise<OpenedModel> {
    const { architecture, factory, config, weights, files } = await openModel(store, artifact);
    const model = await factory.open({
      ...{ config, weights, files, inputs },
      tensors: architecture.parameters(config),
      trains: [],
      adapts: [],
      memory: 'keep',
      // Nothing is drawn.
      seed: 0,
    });
    const logitScale = weights.has(LOGIT_SCALE) ? Math.exp(floatsOf(await weights.read(LOGIT_SCALE))[0]!) : 1;
    const { contextLength } = architecture.sizes(config);
    return new OpenedModel({ architecture, model, logitScale, contextLength });
  }

  [Symbol.dispose](): void {
    this.model[Symbol.dispose]();
  }
}

/** The logarithm of a learnt inverse temperature, as contrastive objectives name it. */
const LOGIT_SCALE = 'logit_scale';
