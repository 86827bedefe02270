import type { Source } from '../source/source.ts';

/** The same source; `onBytes` hears of every chunk that is read. */
export const countedSource = (source: Source, onBytes: (bytes: number) => void): Source => ({
  list: () => source.list(),
  async *read(path, range) {
    for await (const chunk of source.read(path, range)) {
      onBytes(chunk.length);
      yield chunk;
    }
  },
});
