/**
 * The way of a LLaVA through the service, and one question that it and the Python libraries are asked. Models come in over
 * REST and runs are resolved there; the steps of a run are taken in this process.
 */
import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { memoryGroups } from '@triptych/collective';
import { decodeImage, resizeAndCrop, writeScenes } from '@triptych/datasets';
import type { Example } from '@triptych/models';
import { random, readSafetensors, selectBackend } from '@triptych/nn';
import type { Model, ReadyDataset, Run, RunSpec } from '@triptych/protocol';
import { readFileList } from '@triptych/storage';
import { OpenedModel, train } from '@triptych/training';
import { registered, startTestServer, type TestServer } from '../../apps/control-plane/src/testing/server.ts';
import type { LlavaBatch } from '../../packages/models/src/llava/processor.ts';
import { png } from '../../packages/training/src/testing/png.ts';
import { collect, modelOf } from '../../packages/training/src/testing/tiny-run.ts';
import { runScript } from './python.ts';

export interface Answer {
  readonly ids: readonly number[];
  /** [tokens of the answer, vocabulary]: what each of them is predicted by. */
  readonly logits: Float32Array;
}

export interface TrainedModel {
  readonly artifact: string;
  /** A folder with its files. */
  readonly path: string;
  readonly spec: Run['spec'];
}

const said = { question: 'What do you see?', answer: 'There is a small green star on the left.' };

export class LlavaJourney implements AsyncDisposable {
  readonly folder: string;
  readonly #server: TestServer;
  #count = 0;
  /** Of the answer, among all tokens; our batches say which they are. */
  #rows: Int32Array = new Int32Array();

  private constructor(folder: string, server: TestServer) {
    this.folder = folder;
    this.#server = server;
  }

  /** With the folders that `llava_folders.py` writes, and a dataset. */
  static async begin(): Promise<LlavaJourney> {
    const folder = await mkdtemp(join(tmpdir(), 'peers-'));
    await selectBackend({ backend: 'wasm' });
    const journey = new LlavaJourney(folder, await startTestServer());
    runScript('llava_folders.py', 'write', folder);
    await mkdir(journey.#question);
    // Another size than the tower's, and no square: preprocessing is compared too.
    const [stream, width, height] = [random(1, 'picture'), 45, 61];
    const noise = Uint8Array.from({ length: 3 * width * height }, () => stream.integer(256));
    await writeFile(join(journey.#question, 'picture.png'), png(noise, width));
    await writeFile(join(journey.#question, 'question.json'), JSON.stringify(said));
    const path = join(folder, 'scenes');
    await writeScenes({ path, images: 40, seed: 1 });
    await journey.#post('/v1/datasets', { name: 'scenes', path, format: 'scenes-conversations' });
    await registered(journey.#server, 'scenes');
    return journey;
  }

  /** One of the folders; an adapter with its base. */
  import(name: string, base?: Model): Promise<Model> {
    const body = { name: `${name}-${++this.#count}`, path: join(this.folder, name) };
    return this.#post('/v1/models', base ? { ...body, base: base.name } : body);
  }

  /** A few steps from `model`, and what was published written to a folder. */
  async train(model: Model, spec: Partial<RunSpec>): Promise<TrainedModel> {
    const run = await this.#post<Run>('/v1/runs', {
      ...{ model: model.name, dataset: 'scenes', duration: { steps: 3 }, batch: { global: 8, shards: 4 } },
      ...{ optimizer: { learningRate: 0.01 }, evaluation: { tasks: [], baseline: false } },
      ...spec,
    });
    const { manifest } = await this.#get<ReadyDataset>('/v1/datasets/scenes');
    const { artifacts: store } = this.#server.stores;
    const [group] = memoryGroups(1);
    const events = await collect(
      train({
        ...{ spec: run.spec, store, datasetManifests: [manifest], modelArtifact: model.artifact },
        ...{ group: group!, signal: new AbortController().signal },
      }),
    );
    const { artifact } = modelOf(events);
    const path = join(this.folder, `trained-${++this.#count}`);
    for (const file of (await readFileList(store, artifact)).files) {
      await mkdir(dirname(join(path, file.path)), { recursive: true });
      await writeFile(join(path, file.path), await store.get(file.sha256));
    }
    return { artifact, path, spec: run.spec };
  }

  /** What the stored model makes of the question. */
  async ours(artifact: string): Promise<Answer> {
    const inputs = {
      template: 'auto',
      imagePlacement: 'front',
      captionPrompt: '?',
      answerPrompt: '',
      tooLong: 'refuse',
    };
    using opened = await OpenedModel.open({ store: this.#server.stores.artifacts, artifact, inputs });
    const { model } = opened;
    const picture = await decodeImage(await readFile(join(this.#question, 'picture.png')));
    const example: Example = {
      id: 'question',
      content: {
        kind: 'conversation',
        turns: [
          { role: 'user', text: `<image>\n${said.question}` },
          { role: 'assistant', text: said.answer },
        ],
      },
      images: 1,
      pixels: async () => resizeAndCrop(picture, model.processor.transform),
      pictureKey: () => 'picture',
      choose: () => 0,
      dataset: 0,
    };
    const batch = (await model.processor.batch([example])) as LlavaBatch;
    this.#rows = batch.rows;
    const outputs = model.forward(batch, {});
    if (outputs.kind !== 'logits') throw new Error('a LLaVA gives logits');
    const logits = await outputs.logits.data<'float32'>();
    outputs.logits.dispose();
    return { ids: [...batch.texts.ids], logits };
  }

  /** What transformers, and PEFT where there is an adapter, make of it; the tokens that `ours` was asked for last. */
  theirs(model: string, adapter?: string): Answer {
    const out = join(this.folder, 'answer.safetensors');
    runScript('llava_folders.py', 'answer', model, this.#question, out, ...(adapter ? [adapter] : []));
    const { tensors } = readSafetensors(new Uint8Array(readFileSync(out)));
    const { shape } = tensors.get('logits')!;
    const [all, vocabulary] = [tensors.get('logits')!.float32(), shape[1]!];
    const logits = new Float32Array(this.#rows.length * vocabulary);
    for (const [i, row] of this.#rows.entries())
      logits.set(all.subarray(row * vocabulary, (row + 1) * vocabulary), i * vocabulary);
    return { ids: [...tensors.get('ids')!.float32()], logits };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.close();
    await rm(this.folder, { recursive: true });
  }

  get #question(): string {
    return join(this.folder, 'question');
  }

  async #post<T>(url: string, payload: object): Promise<T> {
    const answer = await this.#server.app.inject({ method: 'POST', url, payload });
    if (answer.statusCode === 201) return answer.json<T>();
    throw new Error(`${url}: ${answer.statusCode} ${answer.payload}`);
  }

  async #get<T>(url: string): Promise<T> {
    return (await this.#server.app.inject(url)).json<T>();
  }
}
