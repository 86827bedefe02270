/** Brings the files of a model into a folder. A file has its name only when it is whole and its hash is right. */
import { createWriteStream } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { dirname, isAbsolute, join, relative } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ModelFile, TriptychClient } from '@triptych/client';
import { type Model, TriptychError } from '@triptych/protocol';

export interface Download {
  readonly client: TriptychClient;
  readonly model: Model;
  readonly folder: string;
  readonly signal: AbortSignal;
}

/** Yields each file once it is there. NOT_FOUND where the model has none: a preset. */
export async function* downloadModel({
  client,
  model,
  folder,
  signal,
}: Download): AsyncGenerator<ModelFile, void, void> {
  if (!model.files?.length) {
    throw new TriptychError('NOT_FOUND', `Model ${model.name} is a ${model.kind} and has no files`);
  }
  for (const file of model.files) {
    const target = join(folder, file.path);
    assertInside(folder, target);
    await mkdir(dirname(target), { recursive: true });
    const partial = `${target}.partial`;
    try {
      const content = client.models.read({ model: model.id, file, signal });
      await pipeline(Readable.from(content), createWriteStream(partial));
      await rename(partial, target);
    } catch (error) {
      await rm(partial, { force: true });
      throw error;
    }
    yield file;
  }
}

/** The names come from a server: none of them may lead out of the folder. */
function assertInside(folder: string, target: string): void {
  const inside = relative(folder, target);
  if (inside !== '' && !inside.startsWith('..') && !isAbsolute(inside)) return;
  throw new TriptychError('ARTIFACT_CORRUPT', `The model names a file outside its own folder: ${target}`);
}
