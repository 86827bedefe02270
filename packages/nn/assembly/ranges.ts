// Which keys a query sees: all (mask 0), itself and the earlier ones (1), or a range of its own (2): int32 [first, end).

export const CAUSAL: i32 = 1;
export const RANGES: i32 = 2;

// @ts-ignore: decorator
@inline
export function rangeStart(ranges: usize, query: i32, mask: i32): i32 {
  return mask == RANGES ? i32.load(ranges + (<usize>query << 3)) : 0;
}

// @ts-ignore: decorator
@inline
export function rangeEnd(ranges: usize, query: i32, keys: i32, mask: i32): i32 {
  if (mask == RANGES) return i32.load(ranges + (<usize>query << 3), 4);
  return mask == CAUSAL ? query + 1 : keys;
}
