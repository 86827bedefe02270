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
  orange: [240, 125, 20],
  yellow: [238, 200, 20],
  green: [40, 150, 60],
  cyan: [30, 180, 195],
  blue: [35, 75, 200],
  purple: [120, 45, 160],
  pink: [235, 100, 160],
} as const satisfies Record<string, Rgb>;
export type Colour = keyof typeof colours;
export const colourNames = Object.keys(colours) as Colour[];

/** Radius as a part of the shorter side: the range it is drawn from. Main objects are large or medium, the others small. */
export const sizes = { large: [0.37, 0.41], medium: [0.3, 0.33], small: [0.085, 0.115] } as const;
export type Size = keyof typeof sizes;

export const textures = ['solid', 'striped', 'dotted'] as const;
export type Texture = (typeof textures)[number];

/** Centres in the central square, as parts of its side: x to the right, y down. */
export const mainPlaces = {
  'in the center': [0.5, 0.5],
  'on the left': [0.44, 0.5],
  'on the right': [0.56, 0.5],
  'at the top': [0.5, 0.44],
  'at the bottom': [0.5, 0.56],
} as const;
export type MainPlace = keyof typeof mainPlaces;

export const corners = {
  'in the top left corner': [0.12, 0.12],
  'in the top right corner': [0.88, 0.12],
  'in the bottom left corner': [0.12, 0.88],
  'in the bottom right corner': [0.88, 0.88],
} as const;
export type Corner = keyof typeof corners;

/** All lighter than every colour, so that figure and ground never change roles: a small model learns shapes sooner. */
export const backgrounds = {
  white: [246, 246, 243],
  gray: [214, 215, 218],
  beige: [235, 224, 200],
  lilac: [226, 216, 238],
} as const satisfies Record<string, Rgb>;
export type Background = keyof typeof backgrounds;

/** "a" or "an", as the next word wants it. */
export const withArticle = (phrase: string): string => `${/^[aeiou]/.test(phrase) ? 'an' : 'a'} ${phrase}`;
