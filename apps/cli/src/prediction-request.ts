/** From the options of `triptych predict` to a request: files read, every contradiction at once. */
import { dirname, resolve } from 'node:path';
import {
  invalidInput,
  MAX_PICTURE_BYTES,
  type PredictionRequest,
  show,
  TriptychError,
  type Violation,
} from '@triptych/protocol';
import { readNamedFile, readNamedJson } from './named-file.ts';

export interface PredictFlags {
  readonly image?: readonly string[];
  readonly labels?: string;
  readonly template?: readonly string[];
  readonly captions?: readonly string[];
  readonly text?: string;
  readonly caption?: boolean;
  readonly question?: string;
  readonly chat?: string;
  readonly shots?: string;
  readonly maxTokens?: number;
  readonly temperature?: number;
  readonly beams?: number;
  readonly seed?: number;
}

/** @throws TriptychError INVALID_INPUT, MALFORMED_BODY (the file of demonstrations). */
export async function predictionRequest(model: string, flags: PredictFlags): Promise<PredictionRequest> {
  const kind = kindOf(flags);
  const violations = violationsIn(flags, kind);
  if (violations.length > 0 || !kind) throw invalidInput('command line', violations);
  const images = await Promise.all((flags.image ?? []).map(pictureText));
  const [image = ''] = images;
  const shots = flags.shots === undefined ? {} : { shots: await readShots(flags.shots) };
  const limits = limitsOf(flags);
  const { question, template } = flags;
  switch (kind) {
    case 'classify':
      return {
        ...{ kind, model, image, labels: splitAtCommas(flags.labels ?? '') },
        ...(question === undefined ? {} : { question }),
        ...(template === undefined ? {} : { templates: [...template] }),
      };
    case 'match-captions':
      return { kind, model, image, captions: [...flags.captions!] };
    case 'match-images':
      return { kind, model, text: flags.text!, images };
    // The service checks what the file of demonstrations holds.
    case 'caption':
      return { kind, model, image, ...shots, ...limits } as PredictionRequest;
    case 'answer':
      return { kind, model, images, question: question!, ...shots, ...limits } as PredictionRequest;
    case 'chat':
      return { kind, model, messages: [{ role: 'user', text: flags.chat!, images }], ...limits };
  }
}

type Kind = PredictionRequest['kind'];

/** Labels with a question are labels. */
function kindOf(flags: PredictFlags): Kind | undefined {
  if (flags.labels !== undefined) return 'classify';
  if (flags.captions) return 'match-captions';
  if (flags.text !== undefined) return 'match-images';
  if (flags.caption) return 'caption';
  if (flags.question !== undefined) return 'answer';
  return flags.chat === undefined ? undefined : 'chat';
}

const asking = ['labels', 'captions', 'text', 'caption', 'question', 'chat'] as const;

function violationsIn(flags: PredictFlags, kind: Kind | undefined): Violation[] {
  const found: Violation[] = [];
  const given = asking.filter((name) => flags[name] !== undefined);
  const asked = kind === 'classify' ? given.filter((name) => name !== 'question') : given;
  if (asked.length !== 1)
    found.push({
      path: '',
      expected: `one of ${asking.map((name) => `--${name}`).join(', ')} (--question may come with --labels)`,
      actual: asked.length === 0 ? 'none' : asked.map((name) => `--${name}`).join(' and '),
      remedy: 'say one thing that is asked',
    });
  const images = flags.image?.length ?? 0;
  const fitting = imagesFor(kind, images);
  if (fitting !== undefined)
    found.push({ path: '--image', expected: fitting, actual: String(images), remedy: 'give as many files' });
  if (flags.shots !== undefined && kind !== 'caption' && kind !== 'answer')
    found.push({
      path: '--shots',
      expected: '--caption or --question beside it',
      actual: 'something else',
      remedy: 'leave it out',
    });
  if (flags.template && kind !== 'classify')
    found.push({
      path: '--template',
      expected: '--labels beside it',
      actual: 'none',
      remedy: 'leave it out',
    });
  return found;
}

/** What is expected, where `images` do not fit. */
function imagesFor(kind: Kind | undefined, images: number): string | undefined {
  if (kind === 'match-images') return images < 2 ? 'two pictures at least' : undefined;
  if (kind === 'answer') return images < 1 ? 'one picture at least' : undefined;
  if (kind === undefined || kind === 'chat') return undefined;
  return images === 1 ? undefined : 'one picture';
}

const splitAtCommas = (text: string): string[] =>
  text
    .split(',')
    .map((label) => label.trim())
    .filter((label) => label !== '');

function limitsOf({ maxTokens: maxNewTokens, temperature, beams, seed }: PredictFlags): object {
  const given = Object.entries({ maxNewTokens, temperature, beams, seed }).filter(
    ([, value]) => value !== undefined,
  );
  return given.length === 0 ? {} : { limits: Object.fromEntries(given) };
}

async function pictureText(path: string): Promise<string> {
  const picture = {
    path,
    option: '--image',
    what: 'a picture file',
    limitBytes: MAX_PICTURE_BYTES,
    remedy: 'name a picture that is there',
  };
  return (await readNamedFile(picture)).toString('base64');
}

/** Far more than any list of demonstrations that a model could be shown. */
const MAX_SHOTS_BYTES = 16 * 2 ** 20;

/** Demonstrations with their pictures read; `image` and `images` name files beside the list. */
async function readShots(file: string): Promise<unknown> {
  const remedy = 'name a JSON list of demonstrations; triptych predict --help shows one';
  const list = {
    path: file,
    option: '--shots',
    what: 'a list of demonstrations',
    limitBytes: MAX_SHOTS_BYTES,
  };
  const expected = { form: 'a list of demonstrations', fits: Array.isArray };
  const shots = (await readNamedJson({ ...list, remedy }, expected)) as unknown[];
  const read = (path: unknown) => {
    if (typeof path === 'string') return pictureText(resolve(dirname(file), path));
    throw new TriptychError('MALFORMED_BODY', `${file}: expected the path of a picture, got ${show(path)}`);
  };
  return Promise.all(
    (shots as Record<string, unknown>[]).map(async (shot) => ({
      ...shot,
      ...('image' in shot && { image: await read(shot['image']) }),
      ...(Array.isArray(shot['images']) && { images: await Promise.all(shot['images'].map(read)) }),
    })),
  );
}
