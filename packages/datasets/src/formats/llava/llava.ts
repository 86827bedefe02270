/**
 * LLaVA's instruction files (https://github.com/haotian-liu/LLaVA/blob/main/docs/Finetune_Custom_Data.md): JSON lists or JSON lines of
 * `{ id, image | images, conversations: [{ from, value }] }` in the folder itself or in `llava/`; images where the entries say, from the
 * folder or from `images/`. The split is in the file's name; a file that names none is train.
 */
import { conversationFiles } from '../conversations/conversation-files.ts';

export const llava = conversationFiles({
  name: 'llava',
  layout: 'a JSON list, or lines, of { id, image, conversations: [{ from, value }] }, and images',
  key: 'conversations',
  place: 'llava',
  fieldsOf: ({ conversations, image, images }) => ({
    turns: conversations,
    images: images ?? image,
    imagesFirst: false,
  }),
});
