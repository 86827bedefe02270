/** Files that an operating system leaves beside others: `._1.jpg` has the extension of an image and is none. */
const NAMES = new Set(['.ds_store', 'thumbs.db', 'ehthumbs.db', 'desktop.ini', '__macosx']);

export const isSystemFile = (name: string): boolean => name.startsWith('._') || NAMES.has(name.toLowerCase());
