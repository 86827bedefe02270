/** What the files of a model say about it: read from the artifact store, checked as a model in Hugging Face layout. */
import { architectureOf, elementCount } from '@triptych/models/catalog';
import { TriptychError } from '@triptych/protocol';
import { type ArtifactStore, readFileList, verifyFiles } from '@triptych/storage';
import { json } from './database.ts';
import type { ModelDescription } from './model-store.ts';

/**
 * `MODEL_INVALID` where the artifact has no config.json, or one of no architecture that is known; `NOT_FOUND` or
 * `ARTIFACT_CORRUPT` where a file is not stored as its list says: that they all are is not the worker's word alone.
 */
export async function describeModel(artifacts: ArtifactStore, artifact: string): Promise<ModelDescription> {
  const list = await readFileList(artifacts, artifact);
  await verifyFiles(artifacts, list);
  const { files } = list;
  const entry = files.find(({ path }) => path === 'config.json');
  if (!entry) throw new TriptychError('MODEL_INVALID', `Artifact ${artifact} has no config.json`);
  const config = jsonOf(new TextDecoder().decode(await artifacts.get(entry.sha256)));
  const architecture = architectureOf(config);
  return {
    architecture: architecture.name,
    parameters: BigInt(elementCount(architecture.parameters(architecture.parseConfig(config)))),
    config: json(config),
    files: json(files),
  };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new TriptychError('MODEL_INVALID', 'config.json is not valid JSON', { cause });
  }
}
