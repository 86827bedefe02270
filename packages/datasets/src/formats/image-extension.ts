/** What names say of images: the extensions of the formats that are decoded. */
import { extname } from 'node:path';

const extensions = new Set([
  '.jpg',
  '.jpeg',
  '.jpe',
  '.jfif',
  '.png',
  '.webp',
  '.gif',
  '.tif',
  '.tiff',
  '.bmp',
]);

export const hasImageExtension = (path: string): boolean => extensions.has(extname(path).toLowerCase());
