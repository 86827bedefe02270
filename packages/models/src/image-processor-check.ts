/** Whether the preprocessing that a folder's files ask for can be obeyed. Tensor-free. */
import { parseImageProcessor } from '@triptych/datasets';

/** @throws TriptychError MODEL_INVALID with every field that cannot be. */
export function checkImageProcessor(
  { vision_config }: { readonly vision_config: { readonly image_size: number } },
  files: Readonly<Record<string, string>>,
): void {
  parseImageProcessor(files, { imageSize: vision_config.image_size });
}
