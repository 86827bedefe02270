/** The pictures of a request as bytes: each leaves its place in the request to its position in the list. Pure. */
import { MAX_PICTURE_BYTES, MAX_PICTURES, show, type Violation } from '@triptych/protocol';

export interface RequestPicture {
  /** JSON pointer into the request. */
  readonly path: string;
  readonly content: Buffer;
}

export interface TakenPictures {
  /** The request with positions where its pictures were. */
  readonly task: unknown;
  readonly pictures: readonly RequestPicture[];
  readonly violations: readonly Violation[];
}

/** Of a request that fits its schema: wherever it has pictures, they stand under `image` or `images`. */
export function takePictures(request: unknown): TakenPictures {
  const pictures: RequestPicture[] = [];
  const violations: Violation[] = [];
  const take = (text: string, path: string): number => {
    const decoded = decode(text);
    if (typeof decoded === 'string')
      violations.push({ path, expected: EXPECTED, actual: decoded, remedy: REMEDY });
    return pictures.push({ path, content: typeof decoded === 'string' ? Buffer.alloc(0) : decoded }) - 1;
  };
  const walk = (value: unknown, path: string): unknown => {
    if (Array.isArray(value)) return value.map((one, i) => walk(one, `${path}/${i}`));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).map(([name, field]) => {
        const at = `${path}/${name}`;
        if (name === 'image') return [name, take(field as string, at)];
        if (name === 'images')
          return [name, (field as string[]).map((picture, i) => take(picture, `${at}/${i}`))];
        return [name, walk(field, at)];
      }),
    );
  };
  const task = walk(request, '');
  if (pictures.length > MAX_PICTURES)
    violations.push({
      path: '',
      expected: `at most ${MAX_PICTURES} pictures in all`,
      actual: String(pictures.length),
      remedy: 'send fewer',
    });
  return { task, pictures, violations };
}

const EXPECTED = `a picture file as base64, or as a data: URI with base64, of at most ${MAX_PICTURE_BYTES / 2 ** 20} MiB`;
const REMEDY = 'send the bytes of the file itself, smaller ones where they are too many';

/** The bytes, or what was there instead. */
function decode(text: string): Buffer | string {
  const header = /^data:[^,]{0,200},/i.exec(text)?.[0] ?? '';
  if (header !== '' && !/;base64,$/i.test(header)) return `a data: URI without base64: ${show(header)}`;
  if (/^https?:/i.test(text)) return 'an address; nothing is fetched from elsewhere';
  const base64 = text.slice(header.length);
  if ((base64.length / 4) * 3 > MAX_PICTURE_BYTES + 2)
    return `${((base64.length * 3) / 4 / 2 ** 20).toFixed(1)} MiB`;
  const bytes = Buffer.from(base64, 'base64');
  // Node skips what is no base64, and that would silently be another picture.
  if (!isWhole(base64, bytes) && !isWhole(base64.replace(/\s/g, ''), bytes))
    return `text that is not base64: ${show(text)}`;
  return bytes.length === 0 ? 'no bytes' : bytes;
}

/** Whether every character became bits. Without a pattern: that takes half a second for a large picture. */
function isWhole(base64: string, { length }: Buffer): boolean {
  const padding = base64.endsWith('==') ? 2 : base64.endsWith('=') ? 1 : 0;
  const characters = base64.length - padding;
  return characters % 4 !== 1 && length === Math.floor((characters * 3) / 4);
}
