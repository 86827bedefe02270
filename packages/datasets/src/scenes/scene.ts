/** What a picture shows, in words and numbers; drawn from a random stream. It knows nothing of pixels. */
import type { RandomStream } from '../random-stream.ts';
import {
  type Background,
  backgrounds,
  type Colour,
  type Corner,
  colourNames,
  corners,
  type MainPlace,
  mainPlaces,
  type Shape,
  type Size,
  shapes,
  sizes,
  type Texture,
  textures,
} from './vocabulary.ts';

export interface SceneObject {
  readonly shape: Shape;
  readonly colour: Colour;
  readonly size: Size;
  readonly texture: Texture;
  readonly place: MainPlace | Corner;
  /** Centre and radius in units of the shorter side, from the top left of the central square. */
  readonly x: number;
  readonly y: number;
  readonly radius: number;
  /** Radians; small, so that a square stays a square and no diamond. */
  readonly angle: number;
}

export interface Scene {
  /** The largest object, which gives the picture its class. */
  readonly main: SceneObject;
  /** None to two small ones in corners, other shapes and colours than all the others. */
  readonly others: readonly SceneObject[];
  readonly background: Background;
}

export function drawScene(stream: RandomStream, shape: Shape): Scene {
  const count = stream.pick([0, 1, 1, 2]);
  const otherShapes = stream.shuffle(shapes.filter((other) => other !== shape));
  const colours = stream.shuffle([...colourNames]);
  const free = stream.shuffle(Object.keys(corners) as Corner[]);
  const texture = () => stream.pick(textures);
  const place = stream.pick(Object.keys(mainPlaces) as MainPlace[]);
  const look = {
    shape,
    colour: colours[0] as Colour,
    size: stream.pick(['large', 'medium'] as const),
    texture: texture(),
  };
  const main = placed(stream, { ...look, place, centre: mainPlaces[place] });
  const others = free.slice(0, count).map((corner, n) =>
    placed(stream, {
      shape: otherShapes[n] as Shape,
      colour: colours[n + 1] as Colour,
      size: 'small',
      texture: texture(),
      place: corner,
      centre: corners[corner],
    }),
  );
  return { main, others, background: stream.pick(Object.keys(backgrounds) as Background[]) };
}

/** What makes two scenes the same: all that captions can say. Jitter and noise do not count. */
export const sceneKey = ({ main, others, background }: Scene): string =>
  [main, ...others]
    .map(({ shape, colour, size, texture, place }) => [shape, colour, size, texture, place].join(' '))
    .concat(background)
    .join(' | ');

/** Where `a` is, seen from `b`. */
export function relation(
  a: SceneObject,
  b: SceneObject,
): 'above' | 'below' | 'to the left of' | 'to the right of' {
  const [dx, dy] = [a.x - b.x, a.y - b.y];
  if (Math.abs(dx) > Math.abs(dy)) return dx < 0 ? 'to the left of' : 'to the right of';
  return dy < 0 ? 'above' : 'below';
}

type Look = Omit<SceneObject, 'x' | 'y' | 'radius' | 'angle'>;

function placed(
  stream: RandomStream,
  { centre, ...look }: Look & { centre: readonly [number, number] },
): SceneObject {
  const jitter = () => stream.between(-0.015, 0.015);
  const [low, high] = sizes[look.size];
  return {
    ...look,
    x: centre[0] + jitter(),
    y: centre[1] + jitter(),
    radius: stream.between(low, high),
    angle: stream.between(-0.12, 0.12),
  };
}
