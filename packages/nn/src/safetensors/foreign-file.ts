/**
 * Other formats that weights come in. Python pickles (`.bin`, `.pt`, `.pth`, `.ckpt`) run code when they are read, so they are
 * never read here; whoever trusts one converts it with the program that wrote it.
 */

/** Two lines of Python that turn a pickle into what is read here. */
export const conversionOf = (file: string, into = 'model.safetensors'): string =>
  `import torch; from safetensors.torch import save_file\n` +
  `w = torch.load(${JSON.stringify(file)}, map_location="cpu", weights_only=True); ` +
  `save_file({k: v.clone().contiguous() for k, v in w.get("state_dict", w).items()}, ${JSON.stringify(into)}, {"format": "pt"})`;

export const isPickleName = (path: string): boolean => /\.(bin|pt|pth|ckpt|pkl|pickle)$/i.test(path);

export interface ForeignFile {
  /** As in "it is ...". */
  readonly is: string;
  readonly remedy: string;
}

/** What a file is instead, where its first 8 bytes say so; they are known to be no length of a header. */
export function recognisedAs(start: Uint8Array): ForeignFile | undefined {
  const text = Buffer.from(start.buffer, start.byteOffset, Math.min(start.byteLength, 8)).toString('latin1');
  if (text.startsWith('PK\u0003\u0004'))
    return { is: 'is a ZIP archive, as torch.save writes them', remedy: convert };
  if (start[0] === 0x80 && start[1]! >= 2 && start[1]! <= 5)
    return { is: 'is a Python pickle', remedy: convert };
  if (text.startsWith('\u0089HDF')) return { is: 'is an HDF5 file', remedy: 'export it as safetensors' };
  if (text.startsWith('GGUF')) return { is: 'is a GGUF file', remedy: 'export it as safetensors' };
  if (text.startsWith('version '))
    return { is: 'is a Git LFS pointer and not the file itself', remedy: 'run "git lfs pull" in its folder' };
  return undefined;
}

const convert = `it could run code, so it is never read; convert it:\n${conversionOf('<this file>')}`;
