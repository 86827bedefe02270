/**
 * A GPU reports a failed allocation, a shader that it refuses or its own loss on the side, and TensorFlow.js does not
 * listen: the numbers that it then reads are zeros. Here the next read fails instead, and every read after it.
 */
import { TriptychError } from '@triptych/protocol';

/** The part of WebGPU's GPUDevice that is used here. */
export interface FaultyDevice {
  readonly lost: Promise<{ readonly reason: string; readonly message: string }>;
  addEventListener(
    type: 'uncapturederror',
    listener: (event: { readonly error: Error; preventDefault?(): void }) => void,
  ): void;
}

/** The part of TensorFlow.js' WebGPUBackend that is used here; `read` is replaced. */
export interface ReadingBackend {
  readonly device: FaultyDevice;
  read(dataId: object): Promise<unknown>;
}

/** Makes reads reject with OUT_OF_MEMORY or INTERNAL once the device has failed. The first fault is the one that is told. */
export function failReadsAfterFaults(backend: ReadingBackend): void {
  let fault: TriptychError | undefined;
  backend.device.addEventListener('uncapturederror', (event) => {
    // Otherwise Dawn prints it as well.
    event.preventDefault?.();
    fault ??= faultOf(event.error);
  });
  void backend.device.lost.then(({ reason, message }) => {
    fault ??= new TriptychError(
      'INTERNAL',
      `The GPU was lost (${reason}): ${message}; its worker must be restarted`,
    );
  });
  const read = backend.read.bind(backend);
  backend.read = async (dataId) => {
    try {
      const values = await read(dataId);
      if (fault === undefined) return values;
    } catch (error) {
      throw fault ?? error;
    }
    throw fault;
  };
}

function faultOf(error: Error): TriptychError {
  const said = error.message.trim().replace(/\s+/g, ' ');
  return TOO_LARGE.test(`${error.constructor.name} ${said}`)
    ? new TriptychError(
        'OUT_OF_MEMORY',
        `The GPU cannot hold a tensor of this step (${said}); raise batch.shards so that each slice of the batch is smaller`,
        { cause: error },
      )
    : new TriptychError('INTERNAL', `The GPU refused a computation: ${said}`, { cause: error });
}

/** The names of WebGPU's error and of the two limits that a large tensor meets. */
const TOO_LARGE = /GPUOutOfMemoryError|max buffer size|binding size/i;
