/**
 * The loss of a run as a line over its steps: every step lightly, the trend strongly, that of held-out samples with a point for each
 * validation; values under the pointer.
 */
import { element, fixed } from './elements.js';

const HEIGHT = 224;
const margin = { top: 10, right: 12, bottom: 22, left: 44 };
const MAX_POINTS = 600;

/** A figure, `width` pixels wide, for `[{ step, loss }]` in the order of the steps, of training and of validation. */
export function lossChart(metrics, width, validations = []) {
  const points = thin(metrics.filter(({ loss }) => Number.isFinite(loss)));
  if (points.length < 2)
    return element('p', { class: 'empty', text: 'The loss curve begins with the second step.' });
  const trend = smooth(points);
  const heldOut = validations.filter(({ loss }) => Number.isFinite(loss));
  const scale = scalesOf([...points, ...heldOut], width);
  const last = points.at(-1);
  const lowest = points.reduce((least, point) => (point.loss < least.loss ? point : least));
  const best = heldOut.reduce(
    (least, one) => (least === undefined || one.loss < least.loss ? one : least),
    undefined,
  );
  const seen = best
    ? `; held-out samples ${fixed(heldOut.at(-1).loss)}, lowest ${fixed(best.loss)} at step ${best.step}`
    : '';
  const label = `Loss from ${fixed(points[0].loss)} at step ${points[0].step} to ${fixed(last.loss)} at step ${last.step}; lowest ${fixed(lowest.loss)} at step ${lowest.step}${seen}`;
  const svg = shape('svg', {
    viewBox: `0 0 ${width} ${HEIGHT}`,
    role: 'img',
    'aria-label': label,
  });
  svg.append(...gridOf(scale), line('each', points, scale), line('trend', trend, scale));
  if (heldOut.length > 0)
    svg.append(
      line('held-out', heldOut, scale),
      ...heldOut.map(({ step, loss }) =>
        shape('circle', { class: 'held-out-point', r: 2.5, cx: scale.x(step), cy: scale.y(loss) }),
      ),
    );
  const readout = element('figcaption', { class: 'small muted', text: label });
  follow(svg, { points, heldOut, scale, readout, label });
  return element('figure', { class: 'chart' }, svg, readout);
}

/** Means of equal groups of steps, so that a million steps draw as fast as a hundred. */
function thin(metrics) {
  const size = Math.ceil(metrics.length / MAX_POINTS);
  if (size <= 1) return metrics;
  const groups = Array.from({ length: Math.ceil(metrics.length / size) }, (_, i) =>
    metrics.slice(i * size, (i + 1) * size),
  );
  return groups.map((group) => ({
    step: group.at(-1).step,
    loss: group.reduce((sum, { loss }) => sum + loss, 0) / group.length,
  }));
}

function smooth(points) {
  const weight = points.length < 20 ? 0 : 0.85;
  let mean = 0;
  let norm = 0;
  return points.map(({ step, loss }) => {
    mean = weight * mean + (1 - weight) * loss;
    norm = weight * norm + (1 - weight);
    return { step, loss: mean / norm };
  });
}

function scalesOf(points, width) {
  const losses = points.map(({ loss }) => loss);
  const [low, high] = [Math.min(...losses), Math.max(...losses)];
  const room = (high - low || Math.abs(high) || 1) * 0.08;
  const steps = points.map(({ step }) => step);
  const [first, last] = [Math.min(...steps), Math.max(...steps)];
  const between = (value, [a, b], [from, to]) => from + ((value - a) / (b - a)) * (to - from);
  const plot = { x: [margin.left, width - margin.right], y: [HEIGHT - margin.bottom, margin.top] };
  const values = { x: [first, last], y: [low - room, high + room] };
  return {
    values,
    width,
    x: (step) => between(step, values.x, plot.x),
    y: (loss) => between(loss, values.y, plot.y),
    step: (x) => between(x, plot.x, values.x),
  };
}

function gridOf({ values, width, x, y }) {
  const at = ([low, high], parts) =>
    Array.from({ length: parts + 1 }, (_, i) => low + ((high - low) * i) / parts);
  const rows = at(values.y, 4).flatMap((loss) => [
    shape('line', { class: 'grid', x1: margin.left, x2: width - margin.right, y1: y(loss), y2: y(loss) }),
    shape('text', { x: margin.left - 6, y: y(loss) + 4, 'text-anchor': 'end' }, loss.toPrecision(3)),
  ]);
  const columns = at(values.x, 4).map((step, i) =>
    shape(
      'text',
      { x: x(step), y: HEIGHT - 4, 'text-anchor': ['start', 'middle', 'middle', 'middle', 'end'][i] },
      Math.round(step),
    ),
  );
  return [...rows, ...columns];
}

const line = (name, points, { x, y }) =>
  shape('polyline', {
    class: name,
    points: points.map(({ step, loss }) => `${x(step).toFixed(1)},${y(loss).toFixed(1)}`).join(' '),
  });

function follow(svg, { points, heldOut, scale, readout, label }) {
  const cursor = shape('line', {
    class: 'cursor',
    y1: margin.top,
    y2: HEIGHT - margin.bottom,
    visibility: 'hidden',
  });
  const point = shape('circle', { class: 'point', r: 3.5, visibility: 'hidden' });
  svg.append(cursor, point);
  const show = (visibility) => {
    for (const mark of [cursor, point]) mark.setAttribute('visibility', visibility);
  };
  svg.addEventListener('pointermove', ({ clientX }) => {
    const box = svg.getBoundingClientRect();
    const step = scale.step(((clientX - box.left) / box.width) * scale.width);
    const nearest = points.reduce((best, one) =>
      Math.abs(one.step - step) < Math.abs(best.step - step) ? one : best,
    );
    const [x, y] = [scale.x(nearest.step), scale.y(nearest.loss)];
    set(cursor, { x1: x, x2: x });
    set(point, { cx: x, cy: y });
    show('visible');
    const before = heldOut.findLast((one) => one.step <= nearest.step);
    const seen = before ? `, held-out samples at step ${before.step} ${fixed(before.loss)}` : '';
    readout.textContent = `Step ${nearest.step}: loss ${fixed(nearest.loss)}${seen}`;
  });
  svg.addEventListener('pointerleave', () => {
    show('hidden');
    readout.textContent = label;
  });
}

function shape(tag, attributes, text) {
  const node = document.createElementNS('http://www.w3.org/2000/svg', tag);
  set(node, attributes);
  if (text !== undefined) node.textContent = String(text);
  return node;
}

function set(node, attributes) {
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, String(value));
}
