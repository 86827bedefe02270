/** Picture files of a request as the model's processor wants them. */
import { decodeImage, type ImageTransform, resizeAndCrop } from '@triptych/datasets';
import { invalidInput, TriptychError, type Violation } from '@triptych/protocol';

export interface PictureFile {
  /** Where in the request it was, for messages. */
  readonly path: string;
  readonly content: Uint8Array;
}

/** RGB bytes [size, size, 3] of each. @throws TriptychError INVALID_INPUT naming every file that is no picture. */
export async function transformedPictures(
  files: readonly PictureFile[],
  transform: ImageTransform,
): Promise<Uint8Array[]> {
  const violations: Violation[] = [];
  const pictures: Uint8Array[] = [];
  for (const { path, content } of files) {
    try {
      pictures.push(resizeAndCrop(await decodeImage(content), transform));
    } catch (error) {
      if (!(error instanceof TriptychError)) throw error;
      violations.push(undecodable(path, error.message));
    }
  }
  if (violations.length > 0) throw invalidInput('prediction', violations);
  return pictures;
}

const undecodable = (path: string, message: string): Violation => ({
  path,
  expected: 'a complete picture file of at most 25 million pixels',
  actual: message,
  remedy: 'send another file',
});
