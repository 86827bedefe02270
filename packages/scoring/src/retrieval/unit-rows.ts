/** Rows [n, width] scaled to length 1, so that their products are cosines. */
export function unitRows(rows: Float32Array, width: number): Float32Array {
  const scaled = new Float32Array(rows.length);
  for (let start = 0; start < rows.length; start += width) {
    let squares = 0;
    for (let k = start; k < start + width; k++) squares += rows[k]! ** 2;
    const length = Math.sqrt(squares);
    for (let k = start; k < start + width; k++) scaled[k] = rows[k]! / length;
  }
  return scaled;
}
