/** Dot products of all rows of `rows` [n, width] with all rows of `columns` [m, width]: [n, m]. Cosines, for unit rows. */
export function similarities(rows: Float32Array, columns: Float32Array, width: number): Float32Array {
  const n = rows.length / width;
  const m = columns.length / width;
  const scores = new Float32Array(n * m);
  for (let i = 0; i < n; i += BLOCK)
    products({
      ...{ rows, from: i, count: Math.min(BLOCK, n - i), columns, width },
      into: scores.subarray(i * m),
    });
  return scores;
}

/** Scores of every pair of a text and an image. */
export interface PairScores {
  readonly images: number;
  of(text: number, image: number): number;
  /** [images]; the caller's until the next row is asked for. */
  row(text: number): Float32Array;
}

/** {@link similarities} without the matrix: a few rows at a time, with the same bits. Rows are asked for in turn. */
export function similarityRows(texts: Float32Array, images: Float32Array, width: number): PairScores {
  const count = images.length / width;
  const all = texts.length / width;
  const block = new Float32Array(BLOCK * count);
  let first = -BLOCK;
  return {
    images: count,
    of: (text, image) => {
      let sum = 0;
      for (let k = 0; k < width; k++) sum += texts[text * width + k]! * images[image * width + k]!;
      return Math.fround(sum);
    },
    row(text) {
      if (text < first || text >= first + BLOCK) {
        first = text;
        products({
          ...{ rows: texts, from: text, count: Math.min(BLOCK, all - text), columns: images, width },
          into: block,
        });
      }
      return block.subarray((text - first) * count, (text - first + 1) * count);
    },
  };
}

/** Of a matrix [texts, images]. */
export const matrixRows = (scores: Float32Array, images: number): PairScores => ({
  images,
  of: (text, image) => scores[text * images + image]!,
  row: (text) => scores.subarray(text * images, (text + 1) * images),
});

/** Rows that share one reading of the columns. */
const BLOCK = 4;

/** Each sum goes along the width in turn, so that it has the same bits in every block. */
function products(of: {
  readonly rows: Float32Array;
  readonly from: number;
  /** At most {@link BLOCK}. */
  readonly count: number;
  readonly columns: Float32Array;
  readonly width: number;
  /** [count, m] */
  readonly into: Float32Array;
}): void {
  const { rows, from, count, columns, width, into } = of;
  const m = columns.length / width;
  // A row that is not there is another one again: its sums are thrown away.
  const start = (row: number) => (from + Math.min(row, count - 1)) * width;
  const [a, b, c, d] = [start(0), start(1), start(2), start(3)];
  for (let j = 0; j < m; j++) {
    const column = j * width;
    let [p, q, r, s] = [0, 0, 0, 0];
    for (let k = 0; k < width; k++) {
      const value = columns[column + k]!;
      p += rows[a + k]! * value;
      q += rows[b + k]! * value;
      r += rows[c + k]! * value;
      s += rows[d + k]! * value;
    }
    into[j] = p;
    if (count > 1) into[m + j] = q;
    if (count > 2) into[2 * m + j] = r;
    if (count > 3) into[3 * m + j] = s;
  }
}
