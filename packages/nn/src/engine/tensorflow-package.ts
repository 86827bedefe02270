/**
 * Where the package of the native TensorFlow lies, if it is installed: neither `@tensorflow/tfjs-node` nor its GPU twin
 * is a dependency. Loads nothing.
 */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The one for GPUs first: whoever installed it wants the GPU. */
export const TENSORFLOW_PACKAGES = ['@tensorflow/tfjs-node-gpu', '@tensorflow/tfjs-node'] as const;
export type TensorflowPackageName = (typeof TENSORFLOW_PACKAGES)[number];

export interface TensorflowPackage {
  readonly name: TensorflowPackageName;
  /** Of its main module. */
  readonly path: string;
}

/** Outside of node_modules, so that `npm ci` leaves it alone; inside the checkout, so that another one has its own. */
export const DEFAULT_ENGINE_FOLDER = fileURLToPath(new URL('../../../../.triptych/engine', import.meta.url));

/** Looks into the engine's folder, then where Node looks for every package. */
export function installedTensorflow(engineFolder = DEFAULT_ENGINE_FOLDER): TensorflowPackage | undefined {
  const places = [createRequire(join(engineFolder, 'package.json')), createRequire(import.meta.url)];
  for (const require of places) {
    for (const name of TENSORFLOW_PACKAGES) {
      const path = resolved(require, name);
      if (path !== undefined) return { name, path };
    }
  }
  return undefined;
}

function resolved(require: NodeJS.Require, name: string): string | undefined {
  try {
    return require.resolve(name);
  } catch {
    return undefined;
  }
}
