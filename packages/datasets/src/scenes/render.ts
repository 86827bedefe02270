/** Scenes to RGB bytes, in plain arithmetic: the same bytes on every machine. */
import type { RandomStream } from '../random-stream.ts';
import type { Scene, SceneObject } from './scene.ts';
import { distances } from './shapes.ts';
import { backgrounds, colours, type Texture } from './vocabulary.ts';

export interface Canvas {
  readonly width: number;
  readonly height: number;
  /** Bytes [height, width, 3]. */
  readonly data: Uint8Array;
}

/** Draws background, small objects, main object, and noise over all of it. `stream` gives gradient and noise. */
export function renderScene(
  scene: Scene,
  { width, height, stream }: { width: number; height: number; stream: RandomStream },
): Canvas {
  const picture = new Float32Array(width * height * 3);
  fillBackground(picture, { base: backgrounds[scene.background], width, height, stream });
  for (const object of [...scene.others, scene.main]) paint(picture, { object, width, height });
  return { width, height, data: withNoise(picture, stream) };
}

/** The colour, a little lighter or darker towards one side. */
function fillBackground(
  picture: Float32Array,
  {
    base,
    width,
    height,
    stream,
  }: { base: readonly number[]; width: number; height: number; stream: RandomStream },
): void {
  const direction = stream.between(0, 2 * Math.PI);
  const strength = stream.between(0, 30);
  const [dx, dy] = [(Math.cos(direction) * strength) / width, (Math.sin(direction) * strength) / height];
  for (let y = 0, at = 0; y < height; y += 1)
    for (let x = 0; x < width; x += 1) {
      const shade = dx * (x - width / 2) + dy * (y - height / 2);
      for (let channel = 0; channel < 3; channel += 1, at += 1)
        picture[at] = (base[channel] as number) + shade;
    }
}

function paint(
  picture: Float32Array,
  { object, width, height }: { object: SceneObject; width: number; height: number },
): void {
  const side = Math.min(width, height);
  const centreX = (width - side) / 2 + object.x * side;
  const centreY = (height - side) / 2 + object.y * side;
  const radius = object.radius * side;
  const reach = radius * 1.3;
  const [sine, cosine] = [Math.sin(object.angle), Math.cos(object.angle)];
  const distance = distances[object.shape];
  const texture = shading[object.texture];
  const colour = colours[object.colour];
  for (let row = Math.max(0, Math.floor(centreY - reach)); row < Math.min(height, centreY + reach); row += 1)
    for (
      let column = Math.max(0, Math.floor(centreX - reach));
      column < Math.min(width, centreX + reach);
      column += 1
    ) {
      const dx = (column + 0.5 - centreX) / radius;
      const dy = (row + 0.5 - centreY) / radius;
      const x = dx * cosine + dy * sine;
      const y = dy * cosine - dx * sine;
      // The outline passes through a pixel whose centre is within half a pixel of it: that part of the pixel is covered.
      const coverage = Math.min(1, Math.max(0, 0.5 - distance(x, y) * radius));
      if (coverage === 0) continue;
      const lightness = texture(x, y);
      const at = (row * width + column) * 3;
      for (let channel = 0; channel < 3; channel += 1) {
        const under = picture[at + channel] as number;
        picture[at + channel] = under + ((colour[channel] as number) * lightness - under) * coverage;
      }
    }
}

/** How bright the object's colour is at a point of it: patterns darken, so that the outline stays. */
const shading: Readonly<Record<Texture, (x: number, y: number) => number>> = {
  solid: () => 1,
  striped: (x, y) => (Math.sin((x + y) * 8) > 0 ? 1 : 0.68),
  dotted: (x, y) => (Math.hypot(((x + 4) % 0.5) - 0.25, ((y + 4) % 0.5) - 0.25) < 0.14 ? 0.6 : 1),
};

/** Brightness noise of the sensor kind, uniform within a level that differs from picture to picture. */
function withNoise(picture: Float32Array, stream: RandomStream): Uint8Array {
  const level = stream.between(2, 14);
  const bytes = new Uint8ClampedArray(picture.length);
  for (let at = 0; at < picture.length; at += 3) {
    const noise = level * (2 * stream.uniform() - 1);
    for (let channel = at; channel < at + 3; channel += 1)
      bytes[channel] = (picture[channel] as number) + noise;
  }
  return new Uint8Array(bytes.buffer);
}
