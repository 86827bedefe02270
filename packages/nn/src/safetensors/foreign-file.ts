/**
 * Other formats that weights come in. Python pickles (`.bin`, `.pt`, `.pth`, `.ckpt`) run code when they are read, so they are
 * never read here; whoever trusts one converts it with the program that wrote it.
 */

/** Two lines of Python that turn a pickle into what is read here. */
export const conversionOf = (file: string): string =>
  `import torch; from safetensors.torch import save_file\n` +
  `w = torch.load(${JSON.stringify(file)}, map_location="cpu", weights_only=True); ` +
  `save_file({k: v.clone().contiguous() for k, v in w.get("state_dict", w).items()}, "model.safetensors", {"format": "pt"})`;

export const isPickleName = (path: string): boolean => /\.(bin|pt|pth|ckpt|pkl|pickle)$/i.test(path);

/** What a file is instead, and what to do, where its first 8 bytes say so; they are known to be no length of a header. */
export function recognisedAs(start: Uint8Array): string | undefined {
  const text = Buffer.from(start.buffer, start.byteOffset, Math.min(start.byteLength, 8)).toString('latin1');
  if (text.startsWith('PK\u0003\u0004'))
    return `is a ZIP archive, as torch.save writes them, and not safetensors: ${remedy}`;
  if (start[0] === 0x80 && start[1]! >= 2 && start[1]! <= 5)
    return `is a Python pickle and not safetensors: ${remedy}`;
  if (text.startsWith('\u0089HDF')) return 'is an HDF5 file and not safetensors: export it as safetensors';
  if (text.startsWith('GGUF')) return 'is a GGUF file and not safetensors: export it as safetensors';
  if (text.startsWith('version '))
    return 'is a Git LFS pointer and not the file itself: run "git lfs pull" in its folder';
  return undefined;
}

const remedy = `it could run code, so it is never read; convert it:\n${conversionOf('<this file>')}`;
