// C[m,n] = A[m,k] B[k,n] in float32 with any strides: packed panels and a 4x8 register tile, after Goto and van de
// Geijn (https://doi.org/10.1145/1356052.1356053). The order of every sum depends on the shapes alone.

const TILE_ROWS: i32 = 4;
const TILE_COLUMNS: i32 = 8;
const BLOCK_M: i32 = 96;
const BLOCK_N: i32 = 1024;
const BLOCK_K: i32 = 256;

/** Bytes of scratch memory that `gemm` needs. */
export function gemmScratchBytes(): i32 {
  return (BLOCK_M + BLOCK_N) * BLOCK_K * 4 + TILE_ROWS * TILE_COLUMNS * 4;
}

/** Strides are in bytes; the columns of C are adjacent. With `accumulate`, the product is added to C. */
export function gemm(
  m: i32, n: i32, k: i32,
  a: usize, aRow: usize, aColumn: usize,
  b: usize, bRow: usize, bColumn: usize,
  c: usize, cRow: usize, scratch: usize, accumulate: bool,
): void {
  const packedA = scratch;
  const packedB = packedA + <usize>(BLOCK_M * BLOCK_K * 4);
  const tile = packedB + <usize>(BLOCK_N * BLOCK_K * 4);
  for (let n0 = 0; n0 < n; n0 += BLOCK_N) {
    const columns = min(BLOCK_N, n - n0);
    for (let k0 = 0; k0 < k; k0 += BLOCK_K) {
      const depth = min(BLOCK_K, k - k0);
      const blockB = b + <usize>k0 * bRow + <usize>n0 * bColumn;
      for (let j = 0; j < columns; j += TILE_COLUMNS) {
        const panel = packedB + <usize>(j * depth * 4);
        pack8(blockB + <usize>j * bColumn, bColumn, bRow, min(TILE_COLUMNS, columns - j), depth, panel);
      }
      for (let m0 = 0; m0 < m; m0 += BLOCK_M) {
        const rows = min(BLOCK_M, m - m0);
        const blockA = a + <usize>m0 * aRow + <usize>k0 * aColumn;
        for (let i = 0; i < rows; i += TILE_ROWS) {
          const panel = packedA + <usize>(i * depth * 4);
          pack4(blockA + <usize>i * aRow, aRow, aColumn, min(TILE_ROWS, rows - i), depth, panel);
        }
        const blockC = c + <usize>m0 * cRow + (<usize>n0 << 2);
        multiplyBlock(rows, columns, depth, packedA, packedB, blockC, cRow, tile, accumulate || k0 > 0);
      }
    }
  }
}

function multiplyBlock(
  rows: i32, columns: i32, depth: i32,
  packedA: usize, packedB: usize, c: usize, cRow: usize, tile: usize, accumulate: bool,
): void {
  for (let j = 0; j < columns; j += TILE_COLUMNS) {
    const panelB = packedB + <usize>(j * depth * 4);
    const tileColumns = min(TILE_COLUMNS, columns - j);
    for (let i = 0; i < rows; i += TILE_ROWS) {
      const panelA = packedA + <usize>(i * depth * 4);
      const tileRows = min(TILE_ROWS, rows - i);
      const target = c + <usize>i * cRow + (<usize>j << 2);
      if (tileRows == TILE_ROWS && tileColumns == TILE_COLUMNS) {
        multiplyTile(depth, panelA, panelB, target, cRow, accumulate);
      } else {
        multiplyTile(depth, panelA, panelB, tile, TILE_COLUMNS * 4, false);
        copyTile(tile, target, cRow, tileRows, tileColumns, accumulate);
      }
    }
  }
}

/** The part of an edge tile that lies inside C. */
function copyTile(tile: usize, c: usize, cRow: usize, rows: i32, columns: i32, accumulate: bool): void {
  for (let i = 0; i < rows; i++) {
    for (let j: usize = 0; j < <usize>columns << 2; j += 4) {
      const value = f32.load(tile + j);
      f32.store(c + j, accumulate ? f32.load(c + j) + value : value);
    }
    tile += TILE_COLUMNS * 4;
    c += cRow;
  }
}

// @ts-ignore: decorator
@inline
function multiplyTile(depth: i32, a: usize, b: usize, c: usize, cRow: usize, accumulate: bool): void {
  let c00 = f32x4.splat(0), c01 = f32x4.splat(0), c10 = f32x4.splat(0), c11 = f32x4.splat(0);
  let c20 = f32x4.splat(0), c21 = f32x4.splat(0), c30 = f32x4.splat(0), c31 = f32x4.splat(0);
  const end = a + (<usize>depth << 4);
  while (a < end) {
    const b0 = v128.load(b);
    const b1 = v128.load(b, 16);
    const a0 = v128.load32_splat(a);
    c00 = f32x4.add(c00, f32x4.mul(a0, b0));
    c01 = f32x4.add(c01, f32x4.mul(a0, b1));
    const a1 = v128.load32_splat(a, 4);
    c10 = f32x4.add(c10, f32x4.mul(a1, b0));
    c11 = f32x4.add(c11, f32x4.mul(a1, b1));
    const a2 = v128.load32_splat(a, 8);
    c20 = f32x4.add(c20, f32x4.mul(a2, b0));
    c21 = f32x4.add(c21, f32x4.mul(a2, b1));
    const a3 = v128.load32_splat(a, 12);
    c30 = f32x4.add(c30, f32x4.mul(a3, b0));
    c31 = f32x4.add(c31, f32x4.mul(a3, b1));
    a += 16;
    b += 32;
  }
  storeTileRow(c, c00, c01, accumulate);
  storeTileRow(c + cRow, c10, c11, accumulate);
  storeTileRow(c + 2 * cRow, c20, c21, accumulate);
  storeTileRow(c + 3 * cRow, c30, c31, accumulate);
}

// @ts-ignore: decorator
@inline
function storeTileRow(c: usize, left: v128, right: v128, accumulate: bool): void {
  v128.store(c, accumulate ? f32x4.add(v128.load(c), left) : left);
  v128.store(c, accumulate ? f32x4.add(v128.load(c, 16), right) : right, 16);
}

/** Eight rows (of B transposed) interleaved: all first elements, then all second ones, and so on. */
function pack8(from: usize, row: usize, step: usize, rows: i32, depth: i32, to: usize): void {
  if (rows == 8 && row == 4) {
    for (let p = 0; p < depth; p++) {
      v128.store(to, v128.load(from));
      v128.store(to, v128.load(from, 16), 16);
      from += step;
      to += 32;
    }
  } else if (rows == 8 && step == 4) {
    interleave4(from, row, depth, to, 32);
    interleave4(from + 4 * row, row, depth, to + 16, 32);
  } else {
    packEdge(from, row, step, rows, depth, to, 8);
  }
}

/** The same for four rows of A. */
function pack4(from: usize, row: usize, step: usize, rows: i32, depth: i32, to: usize): void {
  if (rows == 4 && row == 4) {
    for (let p = 0; p < depth; p++) {
      v128.store(to, v128.load(from));
      from += step;
      to += 16;
    }
  } else if (rows == 4 && step == 4) {
    interleave4(from, row, depth, to, 16);
  } else {
    packEdge(from, row, step, rows, depth, to, 4);
  }
}

/** Four rows of adjacent elements, transposed in 4x4 squares. */
function interleave4(from: usize, row: usize, depth: i32, to: usize, stride: usize): void {
  let p = 0;
  for (; p + 4 <= depth; p += 4) {
    const r0 = v128.load(from);
    const r1 = v128.load(from + row);
    const r2 = v128.load(from + 2 * row);
    const r3 = v128.load(from + 3 * row);
    const low01 = i32x4.shuffle(r0, r1, 0, 4, 1, 5);
    const high01 = i32x4.shuffle(r0, r1, 2, 6, 3, 7);
    const low23 = i32x4.shuffle(r2, r3, 0, 4, 1, 5);
    const high23 = i32x4.shuffle(r2, r3, 2, 6, 3, 7);
    v128.store(to, i64x2.shuffle(low01, low23, 0, 2));
    v128.store(to + stride, i64x2.shuffle(low01, low23, 1, 3));
    v128.store(to + 2 * stride, i64x2.shuffle(high01, high23, 0, 2));
    v128.store(to + 3 * stride, i64x2.shuffle(high01, high23, 1, 3));
    from += 16;
    to += 4 * stride;
  }
  for (; p < depth; p++) {
    f32.store(to, f32.load(from));
    f32.store(to, f32.load(from + row), 4);
    f32.store(to, f32.load(from + 2 * row), 8);
    f32.store(to, f32.load(from + 3 * row), 12);
    from += 4;
    to += stride;
  }
}

/** Any strides, and zeros for the rows that are missing. */
function packEdge(from: usize, row: usize, step: usize, rows: i32, depth: i32, to: usize, lanes: i32): void {
  for (let p = 0; p < depth; p++) {
    let source = from;
    for (let i = 0; i < lanes; i++) {
      f32.store(to, i < rows ? f32.load(source) : 0);
      source += row;
      to += 4;
    }
    from += step;
  }
}
