import { describe, expect, it } from 'vitest';
import { putFiles, readFileList } from './file-list.ts';
import { memoryStore } from './memory-store.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe('file lists', () => {
  it('are the same artifact in whatever order the files come', async () => {
    const store = memoryStore();
    const files = [
      { path: 'model.safetensors', content: bytes('weights') },
      { path: 'config.json', content: bytes('{}') },
    ];
    const one = await putFiles(store, files);
    const other = await putFiles(store, files.toReversed());
    expect(other).toEqual(one);
    expect(one.files).toEqual([
      { path: 'config.json', sha256: expect.stringMatching(/^44136fa355b3678a/), bytes: 2 },
      { path: 'model.safetensors', sha256: expect.stringMatching(/^[0-9a-f]{64}$/), bytes: 7 },
    ]);
    expect(await readFileList(store, one.sha256)).toEqual({ files: one.files });
    expect(await store.size(one.sha256)).toBe(one.bytes);
    expect(new TextDecoder().decode(await store.get(one.files[1]!.sha256))).toBe('weights');
  });

  it.each(['../outside', '/etc/passwd', 'a//b', 'a/./b', 'a\\b', 'C:/b', ''])(
    'refuse the path %j',
    async (path) => {
      const store = memoryStore();
      await expect(putFiles(store, [{ path, content: bytes('x') }])).rejects.toMatchObject({
        code: 'INVALID_INPUT',
        violations: [{ path: '/files/0/path' }],
      });
      const forged = await store.put(
        bytes(JSON.stringify({ files: [{ path, sha256: '0'.repeat(64), bytes: 1 }] })),
      );
      await expect(readFileList(store, forged.sha256)).rejects.toMatchObject({ code: 'ARTIFACT_CORRUPT' });
    },
  );

  it('refuse the same path twice', async () => {
    const twice = [
      { path: 'a', content: bytes('1') },
      { path: 'a', content: bytes('2') },
    ];
    await expect(putFiles(memoryStore(), twice)).rejects.toMatchObject({ code: 'INVALID_INPUT' });
  });

  it.each(['not json', '[]', '{"files":[{"path":"a"}]}'])('are not %s', async (text) => {
    const store = memoryStore();
    const { sha256 } = await store.put(bytes(text));
    await expect(readFileList(store, sha256)).rejects.toMatchObject({ code: 'ARTIFACT_CORRUPT' });
  });
});
