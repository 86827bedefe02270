/**
 * Everything a run needs to go on as if it had never stopped, in one file: a safetensors file with the three flat vectors
 * and the rest as JSON in its metadata. Equal states give equal bytes.
 */

import type { ImageTransform } from '@triptych/datasets';
import { type ClipConfig, clipLayout, parseConfig } from '@triptych/models';
import { readSafetensors, safetensorsPieces } from '@triptych/nn';
import { TriptychError } from '@triptych/protocol';
import type { LedgerState } from './sample-ledger.ts';

export interface Checkpoint {
  /** Steps taken: the next one to take. With the run's seed it is the data cursor too. */
  readonly step: number;
  /** Of everything that decides the numbers; a run with another hash must not resume from here. */
  readonly specHash: string;
  readonly ledger: LedgerState;
  readonly config: ClipConfig;
  readonly transform: ImageTransform;
  readonly tokenizerFiles: Readonly<Record<string, string>>;
  readonly weights: Float32Array;
  readonly firstMoment: Float32Array;
  readonly secondMoment: Float32Array;
}

const FORMAT = 'triptych-checkpoint-1';
const vectors = ['weights', 'firstMoment', 'secondMoment'] as const;

/** The file in pieces, the vectors as windows on those of the state: it must not change until they are read. */
export function* encodeCheckpoint(checkpoint: Checkpoint): Generator<Uint8Array, void> {
  const { weights, firstMoment, secondMoment, ...state } = checkpoint;
  const data = { weights, firstMoment, secondMoment };
  const tensors = vectors.map((name) => ({ name, shape: [data[name].length], data: data[name] }));
  yield* safetensorsPieces(tensors, { format: FORMAT, state: JSON.stringify(state) });
}

/**
 * The vectors are windows on `bytes`, which become theirs.
 * @throws TriptychError ARTIFACT_CORRUPT where the content is no complete checkpoint.
 */
export function decodeCheckpoint(bytes: Uint8Array): Checkpoint {
  try {
    const { metadata, tensors } = readSafetensors(bytes);
    if (metadata['format'] !== FORMAT) throw new Error(`its format is ${metadata['format']}, not ${FORMAT}`);
    const state = JSON.parse(metadata['state'] ?? '');
    const config = parseConfig(state.config);
    const { length } = clipLayout(config);
    const vector = (name: (typeof vectors)[number]) => {
      const values = tensors.get(name)?.float32Window();
      if (values?.length !== length) throw new Error(`${name} has ${values?.length} of ${length} numbers`);
      return values;
    };
    return {
      ...state,
      config,
      weights: vector('weights'),
      firstMoment: vector('firstMoment'),
      secondMoment: vector('secondMoment'),
    };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new TriptychError('ARTIFACT_CORRUPT', `The checkpoint cannot be read: ${reason}`, { cause });
  }
}
