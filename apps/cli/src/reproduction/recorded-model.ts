/** A trained model that is to be made again: what it was made from, and the hash of its weights. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { PROVENANCE_FILE, Provenance, parse, TriptychError } from '@triptych/protocol';
import { isWeightPath, weightsRecord } from '@triptych/training/catalog';
import type { CommandContext } from '../context.ts';
import { findModel } from '../find-model.ts';
import { readNamedJson } from '../named-file.ts';

export interface RecordedModel {
  readonly provenance: Provenance;
  readonly weightsSha256: string;
}

const LIMIT_BYTES = 2 ** 20;

/** A folder that was downloaded, or else the id or name of a run or model of the service. */
export async function recordedModel(context: CommandContext, named: string): Promise<RecordedModel> {
  const isFolder = (await stat(named).catch(() => undefined))?.isDirectory();
  return isFolder ? fromFolder(named) : fromService(context, named);
}

async function fromFolder(folder: string): Promise<RecordedModel> {
  const provenance = await readNamedJson(
    {
      ...{ path: join(folder, PROVENANCE_FILE), option: 'FOLDER', limitBytes: LIMIT_BYTES },
      what: 'the provenance of a model that Triptych trained',
      remedy: NO_PROVENANCE,
    },
    { form: 'an object', fits: (value) => typeof value === 'object' && value !== null },
  );
  const files = [];
  for (const path of (await readdir(folder)).filter(isWeightPath)) {
    const hash = createHash('sha256');
    let bytes = 0;
    for await (const piece of createReadStream(join(folder, path)) as AsyncIterable<Buffer>) {
      hash.update(piece);
      bytes += piece.byteLength;
    }
    files.push({ path, sha256: hash.digest('hex'), bytes });
  }
  if (files.length === 0)
    throw new TriptychError(
      'MODEL_INVALID',
      `${folder} has no weights (model.safetensors); download the whole model`,
    );
  const { sha256 } = weightsRecord(
    files,
    files.map(({ path }) => path),
  );
  return { provenance: parse(Provenance, provenance, PROVENANCE_FILE), weightsSha256: sha256 };
}

async function fromService(context: CommandContext, idOrName: string): Promise<RecordedModel> {
  const model = await findModel(context, idOrName);
  const { signal } = context;
  const file = model.files?.find(({ path }) => path === PROVENANCE_FILE);
  if (!file || !model.weights)
    throw new TriptychError(
      'MODEL_INVALID',
      `Model ${model.name} has no ${PROVENANCE_FILE}; ${NO_PROVENANCE}`,
    );
  const pieces: Uint8Array[] = [];
  for await (const piece of context.client().models.read({ model: model.id, file, signal }))
    pieces.push(piece);
  const provenance = parse(Provenance, JSON.parse(Buffer.concat(pieces).toString('utf8')), PROVENANCE_FILE);
  return { provenance, weightsSha256: model.weights.sha256 };
}

const NO_PROVENANCE =
  'models that were imported, or trained by an earlier release, do not say what they were made from: name a run that this release trained, or the folder of its model';
