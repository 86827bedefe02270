/** Five ways to describe a scene, from the class alone to everything. The main object comes first, and its shape is always named. */
import { relation, type Scene, type SceneObject } from './scene.ts';
import { withArticle } from './vocabulary.ts';

/** The first two use the frames of the plain zero-shot prompts. */
export function captionsOf({ main, others, background }: Scene): string[] {
  const coloured = withArticle(`${main.colour} ${main.shape}`);
  const full = withArticle(look(main));
  const [first] = others;
  const company = others.map((other) => withArticle(`${other.colour} ${other.shape}`)).join(' and ');
  return [
    `a photo of a ${main.shape}.`,
    `a picture of ${coloured}.`,
    `${full} ${main.place}.`,
    company
      ? `a photo of ${coloured} with ${company}.`
      : `a photo of ${coloured} on a ${background} background.`,
    first
      ? `${full} ${relation(main, first)} ${withArticle(look(first))} ${first.place}.`
      : `${full} ${main.place} of a ${background} picture.`,
  ];
}

/** "large striped red star" */
export const look = ({ size, texture, colour, shape }: SceneObject): string =>
  `${size} ${texture} ${colour} ${shape}`;
