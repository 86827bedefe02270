/** How the PEFT adapter is applied that an imported model brings. */
import { type AdapterOptions, PEFT_CONFIG, parsePeftConfig } from '@triptych/models/catalog';
import type { Model } from '@triptych/protocol';
import type { ArtifactStore } from '@triptych/storage';

/** Undefined where it brings none. @throws TriptychError NOT_FOUND, ARTIFACT_CORRUPT. */
export async function adapterOf(
  { files = [] }: Model,
  artifacts: Pick<ArtifactStore, 'get'>,
): Promise<AdapterOptions | undefined> {
  const file = files.find(({ path }) => path === PEFT_CONFIG);
  return file && parsePeftConfig(new TextDecoder().decode(await artifacts.get(file.sha256)));
}
