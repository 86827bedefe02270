/** Dot products of all rows of `rows` [n, width] with all rows of `columns` [m, width]: [n, m]. Cosines, for unit rows. */
export function similarities(rows: Float32Array, columns: Float32Array, width: number): Float32Array {
  const n = rows.length / width;
  const m = columns.length / width;
  const scores = new Float32Array(n * m);
  for (let i = 0; i < n; i++) {
    const row = rows.subarray(i * width, (i + 1) * width);
    for (let j = 0; j < m; j++) scores[i * m + j] = product(row, columns, j * width);
  }
  return scores;
}

/** Scores of every pair of a text and an image. */
export interface PairScores {
  readonly images: number;
  of(text: number, image: number): number;
  /** [images]; the caller's until the next row is asked for. */
  row(text: number): Float32Array;
}

/** {@link similarities} without the matrix: a row at a time, with the same bits. */
export function similarityRows(texts: Float32Array, images: Float32Array, width: number): PairScores {
  const count = images.length / width;
  const row = new Float32Array(count);
  const textAt = (text: number) => texts.subarray(text * width, (text + 1) * width);
  return {
    images: count,
    of: (text, image) => Math.fround(product(textAt(text), images, image * width)),
    row(text) {
      const features = textAt(text);
      for (let j = 0; j < count; j++) row[j] = product(features, images, j * width);
      return row;
    },
  };
}

/** Of a matrix [texts, images]. */
export const matrixRows = (scores: Float32Array, images: number): PairScores => ({
  images,
  of: (text, image) => scores[text * images + image]!,
  row: (text) => scores.subarray(text * images, (text + 1) * images),
});

function product(row: Float32Array, columns: Float32Array, start: number): number {
  let sum = 0;
  for (let k = 0; k < row.length; k++) sum += row[k]! * columns[start + k]!;
  return sum;
}
