/**
 * Everything a run needs to go on as if it had never stopped, in one file: a safetensors file with the flat vectors
 * of what is trained, and the rest as JSON in its metadata. What is frozen is not stored: its hash is. Equal states give
 * equal bytes.
 */
import type { FolderFiles } from '@triptych/models';
import { readSafetensors, safetensorsPieces } from '@triptych/nn';
import { TriptychError } from '@triptych/protocol';
import type { Validated } from '../catalog/validation.ts';
import type { LedgerState } from './sample-ledger.ts';

export interface Checkpoint {
  /** Steps taken: the next one to take. With the run's seed it is the data cursor too. */
  readonly step: number;
  /** Of everything that decides the numbers; a run with another hash must not resume from here. */
  readonly specHash: string;
  readonly ledger: LedgerState;
  readonly architecture: string;
  /** Hugging Face `config.json`. */
  readonly config: object;
  /** Tokenizer and preprocessing files. */
  readonly files: FolderFiles;
  /** Of the parameters that are not trained; empty where all are. */
  readonly frozenHash: string;
  readonly weights: Float32Array;
  readonly firstMoment: Float32Array;
  readonly secondMoment: Float32Array;
  /** Of the weights, where the run averages them. */
  readonly average?: Float32Array;
  /** So far, where the run validates. */
  readonly validations?: readonly Validated[];
  /** The weights that did best in them, where those are to be kept, and their average. */
  readonly best?: Float32Array;
  readonly bestAverage?: Float32Array;
}

const FORMAT = 'triptych-checkpoint-2';
const vectors = ['weights', 'firstMoment', 'secondMoment'] as const;
const optionalVectors = ['average', 'best', 'bestAverage'] as const;

/** The file in pieces, the vectors as windows on those of the state: it must not change until they are read. */
export function* encodeCheckpoint(checkpoint: Checkpoint): Generator<Uint8Array, void> {
  const { weights, firstMoment, secondMoment, average, best, bestAverage, ...state } = checkpoint;
  const data = { weights, firstMoment, secondMoment, average, best, bestAverage };
  const tensors = Object.entries(data).flatMap(([name, vector]) =>
    vector ? [{ name, shape: [vector.length], data: vector }] : [],
  );
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
    const state = JSON.parse(metadata['state'] ?? '') as Omit<
      Checkpoint,
      (typeof vectors)[number] | (typeof optionalVectors)[number]
    >;
    const [weights, firstMoment, secondMoment] = vectors.map((name) => {
      const values = tensors.get(name)?.float32Window();
      if (!values) throw new Error(`it has no ${name}`);
      return values;
    });
    const more = optionalVectors.flatMap((name) => {
      const values = tensors.get(name)?.float32Window();
      return values ? [[name, values] as const] : [];
    });
    const all = [weights, firstMoment, secondMoment, ...more.map(([, values]) => values)];
    const lengths = all.map((vector) => vector!.length);
    if (new Set(lengths).size > 1) throw new Error(`its vectors have ${lengths.join(', ')} numbers`);
    return {
      ...state,
      weights: weights!,
      firstMoment: firstMoment!,
      secondMoment: secondMoment!,
      ...Object.fromEntries(more),
    };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new TriptychError('ARTIFACT_CORRUPT', `The checkpoint cannot be read: ${reason}`, { cause });
  }
}
