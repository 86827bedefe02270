/** What is wrong with a dataset, counted and shown by example. Nothing is left out without an entry here. */
import { quotable, show } from '@triptych/protocol';

/** As the REST API shows it; samples are counted where samples were left out. */
export interface Problem {
  kind: string;
  count: number;
  /** The first few, each a sentence or a path. */
  examples: string[];
}

/** Every kind, with what the owner of the data can do about it. */
export const remedies = {
  'unreadable-annotations': 'repair the file, or write it again',
  'unreadable-entry': 'correct the entry, or delete it',
  'unreadable-archive': 'download or write the archive again',
  'unsafe-member': 'write the archive again with regular files and relative names alone',
  'incomplete-member': 'give every sample its image and its text, side by side in one archive',
  'shard-count': 'download the missing shard, or correct sizes.json',
  'link-not-followed':
    'put the files themselves into the folder, or have the operator add the folder to TRIPTYCH_DATA_ROOTS',
  'not-a-regular-file': 'move it away: only regular files are read',
  'system-file': 'nothing: an operating system left it, and it is no part of the dataset',
  'malformed-sample': 'correct the entry, or delete it',
  'repeated-id': 'give every entry an id of its own',
  'unknown-split': 'put train, val or test into the name',
  'caption-without-image': 'add the image to the "images" list or delete the caption',
  'id-of-another-type': 'write the ids of images and captions alike: both as numbers, or both as text',
  'empty-caption': 'write a caption',
  'no-caption': 'write at least one caption',
  'no-answer': 'add an answer, or delete the question',
  'outside-folder': 'use paths inside the dataset folder, relative to it',
  'remote-image': 'download it into the folder: nothing is fetched from the network',
  'missing-image': 'add the file, correct its name, or delete its entry',
  'ambiguous-image': 'keep one file of that name or number',
  'special-token': 'delete it from the text: tokenizers may take it for a mark of their own',
  'damaged-text': 'write it again: it has NUL or half a character, which tokenizers replace',
  'not-an-image-file': 'convert it to JPEG, PNG or WebP, or move it away',
  'undecodable-image': 'download or export the file again',
  'too-large': 'make it smaller: at most 64 MiB and 25 million pixels',
  'duplicate-image': 'keep one of the entries',
  'duplicate-sample': 'keep one of the copies',
  'conflicting-classes': 'decide which class the image belongs to',
  'same-class': 'rename one of the folders, or merge them',
  leakage: 'decide which split the image belongs to',
  'image-without-class': 'move it into the folder of its class',
  'empty-class': 'add images or delete the folder',
  'unlisted-image': 'add its entry to the metadata, or move it away',
  'ignored-folder': 'move it away, or into one of the split folders',
  'no-held-out-split': 'add a validation or a test split to choose the held-out samples yourself',
  'held-out-shares-images': 'add a validation split whose images no training sample shows',
} as const;
export type ProblemKind = keyof typeof remedies;

const MAX_EXAMPLES = 5;

/** An example that says where, what was expected there, and what stands there instead: a value is shown as JSON, cut off. */
export const finding = (where: string, expected: string, actual: unknown): string =>
  `${where}: expected ${expected}, got ${show(actual)}`;

export class ProblemLog {
  readonly #byKind = new Map<ProblemKind, { count: number; examples: string[] }>();

  /** `count` is for things found together, described by one example. */
  add(kind: ProblemKind, example: string, count = 1): void {
    const entry = this.#byKind.get(kind) ?? { count: 0, examples: [] };
    entry.count += count;
    if (entry.examples.length < MAX_EXAMPLES) entry.examples.push(quotable(example));
    this.#byKind.set(kind, entry);
  }

  /** By kind, in alphabetical order. */
  list(): Problem[] {
    return [...this.#byKind]
      .map(([kind, { count, examples }]) => ({ kind, count, examples: [...examples] }))
      .sort((a, b) => (a.kind < b.kind ? -1 : 1));
  }

  /** One line per kind with its remedy, for an error message. */
  describe(): string {
    return this.list()
      .map(
        ({ kind, count, examples }) =>
          `${count} ${kind} (${examples.join('; ')}): ${remedies[kind as ProblemKind]}`,
      )
      .join(' | ');
  }
}
