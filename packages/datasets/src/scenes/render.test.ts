import { expect, test } from 'vitest';
import { randomStream } from '../random-stream.ts';
import { renderScene } from './render.ts';
import { drawScene, relation, type SceneObject } from './scene.ts';
import { distances } from './shapes.ts';
import { type Shape, shapes } from './vocabulary.ts';

/** Part of the square [-1.3, 1.3]² that a shape covers. */
function area(shape: Shape): number {
  let inside = 0;
  const steps = 260;
  for (let row = 0; row < steps; row += 1)
    for (let column = 0; column < steps; column += 1)
      if (distances[shape]((column + 0.5) * 0.01 - 1.3, (row + 0.5) * 0.01 - 1.3) < 0) inside += 1;
  return inside * 0.0001;
}

test.each<[Shape, number]>([
  ['circle', Math.PI * 0.93 ** 2],
  ['square', 1.6 ** 2],
  ['ring', Math.PI * (0.92 ** 2 - 0.48 ** 2)],
  ['cross', 2 * 1.88 * 0.62 - 0.62 ** 2],
])('%s has the area of its formula', (shape, expected) => {
  expect(area(shape)).toBeCloseTo(expected, 1);
});

test('every shape is inside its bounding square and differs from all others', () => {
  for (const shape of shapes) {
    expect(area(shape)).toBeGreaterThan(0.8);
    for (let t = -1.3; t <= 1.3; t += 0.01)
      for (const [x, y] of [
        [t, -1.3],
        [t, 1.3],
        [-1.3, t],
        [1.3, t],
      ] as const)
        expect(distances[shape](x, y)).toBeGreaterThan(0);
  }
});

test('a red solid circle in the centre is red there and background in the corner', () => {
  const stream = randomStream(1, 'test');
  const main: SceneObject = {
    shape: 'circle',
    colour: 'red',
    size: 'large',
    texture: 'solid',
    place: 'in the center',
    x: 0.5,
    y: 0.5,
    radius: 0.4,
    angle: 0,
  };
  const { data } = renderScene({ main, others: [], background: 'white' }, { width: 60, height: 80, stream });
  const at = (x: number, y: number) => [...data.subarray((y * 60 + x) * 3, (y * 60 + x) * 3 + 3)];
  // Noise is at most 14 levels, the gradient at most 36.
  for (const [channel, level] of [214, 40, 40].entries())
    expect(Math.abs(at(30, 40)[channel]! - level)).toBeLessThanOrEqual(15);
  for (const value of at(1, 1)) expect(value).toBeGreaterThan(190);
});

test('relations follow the larger difference of the centres', () => {
  const object = (x: number, y: number) => ({ x, y }) as SceneObject;
  expect(relation(object(0.5, 0.5), object(0.1, 0.4))).toBe('to the right of');
  expect(relation(object(0.5, 0.2), object(0.4, 0.9))).toBe('above');
});

test('the main object is the largest, and shapes and colours are used once', () => {
  const stream = randomStream(3, 'test');
  for (let n = 0; n < 200; n += 1) {
    const { main, others } = drawScene(stream, shapes[n % shapes.length]!);
    const all = [main, ...others];
    expect(Math.max(0, ...others.map(({ radius }) => radius))).toBeLessThan(main.radius / 2);
    expect(new Set(all.map(({ shape }) => shape)).size).toBe(all.length);
    expect(new Set(all.map(({ colour }) => colour)).size).toBe(all.length);
  }
});
