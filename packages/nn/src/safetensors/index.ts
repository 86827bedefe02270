/** Safetensors files without a tensor library: reading and checking by ranges, and writing in pieces. */

export { storedAsFloats } from '../vectors/stored-numbers.ts';
export { type ByteRanges, bytesRanges, chunkRanges } from './byte-ranges.ts';
export { byteLength, type SafetensorsDtype } from './dtype.ts';
export { conversionOf, isPickleName } from './foreign-file.ts';
export type { SafetensorsHeader, TensorEntry } from './header.ts';
export { bytesOfFloats, floats, isWeightDtype, type WeightDtype } from './numbers.ts';
export { openSafetensors, type SafetensorsReader } from './reader.ts';
export { RegularFile } from './regular-file.ts';
export {
  type StreamedFile,
  type StreamedTensor,
  safetensorsFiles,
  safetensorsStream,
  sameFile,
} from './stream.ts';
export { indexOf, type OpenFile, openWeightFiles, type WeightFiles } from './weight-files.ts';
