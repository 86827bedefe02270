/** Dot products of all rows of `rows` [n, width] with all rows of `columns` [m, width]: [n, m]. Cosines, for unit rows. */
export function similarities(rows: Float32Array, columns: Float32Array, width: number): Float32Array {
  const n = rows.length / width;
  const m = columns.length / width;
  const scores = new Float32Array(n * m);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < m; j++) {
      let sum = 0;
      for (let k = 0; k < width; k++) sum += rows[i * width + k]! * columns[j * width + k]!;
      scores[i * m + j] = sum;
    }
  }
  return scores;
}
