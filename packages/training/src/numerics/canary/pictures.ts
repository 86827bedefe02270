/** What the picture library, and the resizing after it, make of two fixed files. */
import { createHash } from 'node:crypto';
import { clipTransform, decodeImage, normalise, resizeAndCrop } from '@triptych/datasets';

/** 37 x 29, half the colours in each direction: decoders differ in how they put those back. */
const JPEG =
  '/9j/2wBDAAoHBwgHBgoICAgLCgoLDhgQDg0NDh0VFhEYIx8lJCIfIiEmKzcvJik0KSEiMEExNDk7Pj4+JS5ESUM8SDc9Pjv/2wBD' +
  'AQoLCw4NDhwQEBw7KCIoOzs7Ozs7Ozs7Ozs7Ozs7Ozs7Ozs7Ozs7Ozs7Ozs7Ozs7Ozs7Ozs7Ozs7Ozs7Ozs7Ozv/wAARCAAdACUD' +
  'ASIAAhEBAxEB/8QAGQAAAwADAAAAAAAAAAAAAAAAAAUGAQQH/8QAKhAAAQIFAwMCBwAAAAAAAAAAAQIRAAMEBSEGEjEygfBBoSJi' +
  'cZHB0eH/xAAYAQADAQEAAAAAAAAAAAAAAAADBQYEAf/EAB8RAAICAgIDAQAAAAAAAAAAAAMEAQIAMQUSEyFRQf/aAAwDAQACEQMR' +
  'AD8Atpy5dntxCQBg5aOX6ivK6upVLQokPkg8Q01jqMzFLkSiDn7+kT1htaq6pC1jc55PqILY1VxzP7nBLSwaO2oxtp+1Fat6+CxJ' +
  'yXiomhNLLDlycAt7xsUtLLoaUEgD4cAln8zCG6XIqWUggd8RjQSs0XzF1guXasyWqQNZmbWMvIBDYDjEELUrKuB3J/kEPZcXHPX5' +
  'lCvwYBirS24ycp5c69V5JcpJGSXjp9gsqLdRiYUAEJw7+eCEWibZTrSJygTjg9jFXfKo01EoIQGQB3hLUFmC9Z1GJjmlcEzG5xJf' +
  'rumW6ELLjHVjiJiUJlTM3Ej5RzxGvVzl1NWdxAyQ4H1/UPbRTIxtxlz7D8xs5BuFBeIWG4ZWq4rOl9zmJVM0sHaSTkt4YIbBpSEl' +
  'I6g5eCJ2FSkjt9ycPzbJC2vXU5//2Q==';
/** 11 x 9, sixteen colours. */
const PNG =
  'iVBORw0KGgoAAAANSUhEUgAAAAsAAAAJBAMAAAAWSsseAAAAMFBMVEU6MDfNfTs5WIeUwsjJRDM1qsx2NUDJuZA3gcrDKoDT18+Z' +
  'vFhKzctI03J8Ub2VaTXMrraOAAAACXBIWXMAAAPoAAAD6AG1e1JrAAAASklEQVQImQE/AMD/AHo4JkG9UACjggQb1eAAoyBhvcjg' +
  'ADIGQbxekAAgDxfFiZAAAGFzWOlAAAAXPI6U8AAPesgpQdAAZ6NSZBvQzKQW4Bv6gvUAAAAASUVORK5CYII=';
const SIZE = 16;

export async function pictureCanary(): Promise<string> {
  const hash = createHash('sha256');
  const transform = clipTransform(SIZE);
  for (const file of [JPEG, PNG]) {
    const image = await decodeImage(Buffer.from(file, 'base64'));
    const pixels = resizeAndCrop(image, transform);
    const numbers = new Float32Array(3 * SIZE * SIZE);
    normalise(pixels, transform, numbers, 0);
    hash.update(image.data).update(pixels).update(new Uint8Array(numbers.buffer));
  }
  return hash.digest('hex');
}
