/**
 * GPT-2's reversible alphabet: every byte gets one printable character, so that a byte-level vocabulary is plain text.
 * Bytes 33-126, 161-172 and 174-255 stand for themselves; the other 68, ascending, become chr(256), chr(257), ...
 */

const printable = [...range(33, 126), ...range(161, 172), ...range(174, 255)];
const others = [...range(0, 255)].filter((byte) => !printable.includes(byte));

/** The 256 symbols in vocabulary order: printable bytes first. */
export const byteSymbols: readonly string[] = [
  ...printable.map((byte) => String.fromCharCode(byte)),
  ...others.map((_, n) => String.fromCharCode(256 + n)),
];

/** Those that a word of cleaned text can contain: UTF-8 without control characters, white space and capital letters. */
export const wordSymbols: readonly string[] = byteSymbols.filter((_, position) => {
  const byte = [...printable, ...others][position] as number;
  const capital = byte >= 65 && byte <= 90;
  const neverInUtf8 = byte === 0xc0 || byte === 0xc1 || byte >= 0xf5;
  return byte > 32 && byte !== 127 && !capital && !neverInUtf8;
});

const symbolOfByte: readonly string[] = (() => {
  const symbols = new Array<string>(256);
  for (const [position, byte] of [...printable, ...others].entries())
    symbols[byte] = byteSymbols[position] as string;
  return symbols;
})();

const utf8 = new TextEncoder();

/** The UTF-8 bytes of `text` as symbols, one character each. */
export const toSymbols = (text: string): string[] =>
  Array.from(utf8.encode(text), (byte) => symbolOfByte[byte] as string);

function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, n) => first + n);
}
