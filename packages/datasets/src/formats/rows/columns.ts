/** What the columns of a table are, by their names: which has the image, and what is said about it. */
export interface Columns {
  /** Undefined where rows may be text alone. */
  readonly image: string | undefined;
  readonly kind: 'captions' | 'question' | 'conversation' | 'class';
  /** Of the captions, the question, the turns or the class. */
  readonly text: string;
  /** Of a question. */
  readonly answers?: string;
}

const IMAGES = [
  'image',
  'images',
  'file_name',
  'filepath',
  'file_path',
  'image_path',
  'image_file',
  'filename',
  'img',
  'path',
];
const CAPTIONS = ['caption', 'captions', 'title', 'text', 'texts', 'description', 'sentence', 'sentences'];
const TURNS = ['messages', 'conversations'];
const QUESTIONS = ['question', 'query'];
const ANSWERS = ['answers', 'answer', 'multiple_choice_answer'];
const CLASSES = ['class', 'class_name', 'label', 'category'];

/** Or, in words, why they cannot be told. */
export function columnsOf(names: readonly string[]): Columns | string {
  const among = (known: readonly string[]) =>
    names.filter((name) => known.includes(name.trim().toLowerCase()));
  const [image, ...otherImages] = among(IMAGES);
  const [turns] = among(TURNS);
  if (turns !== undefined) return { image, kind: 'conversation', text: turns };
  if (image === undefined)
    return `expected a column with the image (${IMAGES.join(', ')}), got ${names.join(', ')}`;
  if (otherImages.length > 0) return oneOf([image, ...otherImages]);
  const [question] = among(QUESTIONS);
  const [answers] = among(ANSWERS);
  if (question !== undefined && answers !== undefined)
    return { image, kind: 'question', text: question, answers };
  const [caption, ...otherCaptions] = among(CAPTIONS);
  if (otherCaptions.length > 0) return oneOf([caption as string, ...otherCaptions]);
  if (caption !== undefined) return { image, kind: 'captions', text: caption };
  const [name] = among(CLASSES);
  if (name !== undefined) return { image, kind: 'class', text: name };
  return `expected a column with captions (${CAPTIONS.join(', ')}), question and answer, messages or a class (${CLASSES.join(', ')}), got ${names.join(', ')}`;
}

const oneOf = (names: readonly string[]): string =>
  `expected one column of this kind, got ${names.join(', ')}; leave one of them`;
