/**
 * Where the time of a step goes, kernel by kernel. Wall time of synchronous calls: exact for wasm and cpu, and for
 * the native backend as far as its calls wait; not for webgpu, which only queues work.
 */
import { type Kernels, kernels, useKernels } from '../kernels/kernels.ts';
import { tf } from '../tensorflow.ts';

export interface KernelTime {
  readonly name: string;
  calls: number;
  milliseconds: number;
}

export interface KernelProfile {
  /** Since the last reset, longest first. A kernel that calls others has their time as well as they. */
  read(): readonly KernelTime[];
  reset(): void;
}

/** Times every own kernel and every TensorFlow.js kernel of the active backend, for the rest of the process. */
export function profileKernels(): KernelProfile {
  const times = new Map<string, KernelTime>();
  let depth = 0;
  const timed = <T>(name: string, call: () => T): T => {
    const began = performance.now();
    depth++;
    try {
      return call();
    } finally {
      depth--;
      // What a kernel calls is part of it.
      if (depth === 0) add(name, performance.now() - began);
    }
  };
  const add = (name: string, milliseconds: number) => {
    const time = times.get(name) ?? { name, calls: 0, milliseconds: 0 };
    times.set(name, time);
    time.calls++;
    time.milliseconds += milliseconds;
  };

  useKernels(
    new Proxy(kernels(), {
      get: (target, name: keyof Kernels) => {
        const kernel = target[name] as (...parameters: unknown[]) => unknown;
        return (...parameters: unknown[]) => timed(name, () => kernel.apply(target, parameters));
      },
    }),
  );
  const backendName = tf.getBackend();
  for (const kernel of tf.getKernelsForBackend(backendName)) {
    tf.unregisterKernel(kernel.kernelName, backendName);
    tf.registerKernel({
      ...kernel,
      kernelFunc: (call) => timed(`tf.${kernel.kernelName}`, () => kernel.kernelFunc(call)),
    });
  }
  return {
    read: () => [...times.values()].sort((a, b) => b.milliseconds - a.milliseconds),
    reset: () => times.clear(),
  };
}
