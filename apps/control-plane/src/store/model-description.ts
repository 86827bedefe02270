/** What the files of a model say about it: read from the artifact store, checked as a model in Hugging Face layout. */
import { architectureOf, elementCount } from '@triptych/models/catalog';
import { TriptychError } from '@triptych/protocol';
import { type ArtifactStore, readFileList } from '@triptych/storage';
import { json } from './database.ts';
import type { ModelDescription } from './model-store.ts';

/** `MODEL_INVALID` where the artifact has no config.json, or one of no architecture that is known. */
export async function describeModel(artifacts: ArtifactStore, artifact: string): Promise<ModelDescription> {
  const { files } = await readFileList(artifacts, artifact);
  const entry = files.find(({ path }) => path === 'config.json');
  if (!entry) throw new TriptychError('MODEL_INVALID', `Artifact ${artifact} has no config.json`);
  const config: unknown = JSON.parse(new TextDecoder().decode(await artifacts.get(entry.sha256)));
  const architecture = architectureOf(config);
  return {
    architecture: architecture.name,
    parameters: BigInt(elementCount(architecture.parameters(architecture.parseConfig(config)))),
    config: json(config),
    files: json(files),
  };
}
