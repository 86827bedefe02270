/** The words of the sample dataset. Every attribute of an object has one word, and captions use only these. */

/** The classes. Chance is 1 in 9. None starts with a vowel, so that "a {}" is right for all. */
export const shapes = [
  'bowtie',
  'circle',
  'cross',
  'heart',
  'moon',
  'ring',
  'square',
  'star',
  'triangle',
] as const;
export type Shape = (typeof shapes)[number];

type Rgb = readonly [number, number, number];

export const colours = {
  red: [214, 40, 40],
  orange: [245, 130, 20],
  yellow: [245, 215, 40],
  green: [40, 160, 60],
  cyan: [40, 195, 205],
  blue: [35, 75, 200],
  purple: [125, 50, 165],
  pink: [245, 130, 185],
} as const satisfies Record<string, Rgb>;
export type Colour = keyof typeof colours;
export const colourNames = Object.keys(colours) as Colour[];

/** Radius as a part of the shorter side: the range it is drawn from. Main objects are large or medium, the others small. */
export const sizes = { large: [0.35, 0.4], medium: [0.27, 0.31], small: [0.085, 0.115] } as const;
export type Size = keyof typeof sizes;

export const textures = ['solid', 'striped', 'dotted'] as const;
export type Texture = (typeof textures)[number];

/** Centres in the central square, as parts of its side: x to the right, y down. */
export const mainPlaces = {
  'in the center': [0.5, 0.5],
  'on the left': [0.42, 0.5],
  'on the right': [0.58, 0.5],
  'at the top': [0.5, 0.42],
  'at the bottom': [0.5, 0.58],
} as const;
export type MainPlace = keyof typeof mainPlaces;

export const corners = {
  'in the top left corner': [0.12, 0.12],
  'in the top right corner': [0.88, 0.12],
  'in the bottom left corner': [0.12, 0.88],
  'in the bottom right corner': [0.88, 0.88],
} as const;
export type Corner = keyof typeof corners;

export const backgrounds = {
  white: [244, 243, 240],
  gray: [128, 130, 134],
  black: [22, 22, 26],
  beige: [226, 214, 190],
} as const satisfies Record<string, Rgb>;
export type Background = keyof typeof backgrounds;

/** "a" or "an", as the next word wants it. */
export const withArticle = (phrase: string): string => `${/^[aeiou]/.test(phrase) ? 'an' : 'a'} ${phrase}`;
