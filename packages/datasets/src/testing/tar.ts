import { Header } from 'tar';

/** A tar of members: name, bytes, and what is unusual. */
export function tar(
  members: readonly (readonly [string, Uint8Array | string, object?])[],
  end = true,
): Buffer {
  const blocks = members.flatMap(([path, content, other = {}]) => {
    const bytes = Buffer.from(content);
    const header = Buffer.alloc(512);
    new Header({ path, size: bytes.length, mode: 0o644, type: 'File', mtime: new Date(0), ...other }).encode(
      header,
      0,
    );
    return [header, bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)];
  });
  return Buffer.concat([...blocks, Buffer.alloc(end ? 1024 : 0)]);
}
