/**
 * Chat messages: JSON lines (or a JSON list) of `{ messages: [{ role, content }] }` in the folder itself or in `data/`. Images stand in the
 * messages, as OpenAI's fine-tuning files have them (`image_url`: a data URI or a path), or in `images` beside them, as TRL and
 * LLaMA-Factory do. The split is in the file's name; a file that names none is train.
 * Sources: https://platform.openai.com/docs/guides/vision-fine-tuning, https://huggingface.co/docs/trl/dataset_formats,
 * https://llamafactory.readthedocs.io/en/latest/getting_started/data_preparation.html.
 */
import { conversationFiles } from '../conversations/conversation-files.ts';

export const chatMessages = conversationFiles({
  name: 'chat-messages',
  layout:
    'JSON lines of { messages: [{ role, content }] }, with image_url parts or images beside the messages',
  key: 'messages',
  place: 'data',
  fieldsOf: ({ messages, images, image }) => ({
    turns: messages,
    images: images ?? image,
    imagesFirst: true,
  }),
});
