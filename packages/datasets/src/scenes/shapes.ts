/**
 * Shapes as signed distances: negative inside, positive outside, in units of the object's radius; y points down. Exact near the
 * outline, which is where anti-aliasing looks.
 */
import type { Shape } from './vocabulary.ts';

export type SignedDistance = (x: number, y: number) => number;

const { abs, hypot, max, min, sqrt } = Math;

const box =
  (halfWidth: number, halfHeight: number): SignedDistance =>
  (x, y) =>
    max(abs(x) - halfWidth, abs(y) - halfHeight);

const disc =
  (radius: number, centreX = 0): SignedDistance =>
  (x, y) =>
    hypot(x - centreX, y) - radius;

const horizontalBar = box(0.94, 0.31);
const verticalBar = box(0.31, 0.94);
const fullMoon = disc(0.95, 0);
const bite = disc(0.78, 0.5);

export const distances: Readonly<Record<Shape, SignedDistance>> = {
  bowtie: (x, y) => max(abs(x) - 0.92, (abs(y) - 0.8 * abs(x) - 0.06) * 0.78),
  circle: disc(0.93),
  cross: (x, y) => min(horizontalBar(x, y), verticalBar(x, y)),
  heart,
  moon: (x, y) => max(fullMoon(x + 0.12, y), -bite(x + 0.12, y)),
  ring: (x, y) => abs(hypot(x, y) - 0.7) - 0.22,
  square: box(0.8, 0.8),
  star,
  triangle: (x, y) => max(0.866 * abs(x) - 0.5 * (y - 0.2), y - 0.2) - 0.55,
};

/** Two round lobes above, a right angle below. */
function heart(x: number, y: number): number {
  const [px, py] = [abs(x) / 1.55, (0.82 - y) / 1.55];
  if (px + py > 1) return 1.55 * (hypot(px - 0.25, py - 0.75) - sqrt(2) / 4);
  const toTip = hypot(px, py - 1);
  const along = 0.5 * max(px + py, 0);
  return 1.55 * min(toTip, hypot(px - along, py - along)) * (px < py ? -1 : 1);
}

/** Five points: the plane is folded into one tenth, where the outline is one edge. */
function star(x: number, y: number): number {
  const fold = Math.PI / 5;
  const angle = abs(
    ((((Math.atan2(x, -y) + fold + 2 * Math.PI) % (2 * fold)) + 2 * fold) % (2 * fold)) - fold,
  );
  const radius = hypot(x, y);
  const [px, py] = [radius * Math.cos(angle), radius * Math.sin(angle)];
  const [tipX, valleyX, valleyY] = [1.05, 0.46 * Math.cos(fold), 0.46 * Math.sin(fold)];
  const [edgeX, edgeY] = [valleyX - tipX, valleyY];
  return ((px - tipX) * -edgeY + py * edgeX) / -hypot(edgeX, edgeY);
}
