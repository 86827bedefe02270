/** Captions as people write them, from a small grammar; the same ones for the same seed. */

export interface BenchCaptions {
  readonly hypotheses: readonly string[];
  /** Five for each image. */
  readonly references: readonly (readonly string[])[];
}

const split = (text: string) => text.trim().split(/\s+/);
const WHO = split(
  'man woman boy girl dog cat horse giraffe zebra elephant bird child surfer skier player cook driver crowd couple bear',
);
const LIKE = split(
  "young old tall small large brown black-and-white red blue yellow striped smiling sleepy wet man's two three several",
);
const DOING = split(
  "standing sitting riding holding eating watching jumping walking waiting flying looking isn't can't it's leaning playing",
);
const WHAT = split(
  'bench table train bus skateboard surfboard umbrella pizza sandwich laptop phone kite frisbee racket bicycle boat clock tree',
);
const WHERE = split(
  'beach street kitchen park station field room river mountain city road market yard snow ocean garden',
);
const TIES = split('on near with under beside behind above in at by');
const ENDS = [
  ...Array(20).fill('.'),
  ...Array(10).fill(''),
  ' .',
  ' .',
  '!',
  '...',
  ', and looks on.',
  ' (close-up).',
];

export function benchCaptions(images: number, uniform: () => number): BenchCaptions {
  const one = (words: readonly string[]) => words[Math.floor(uniform() * words.length)]!;
  const about = (who: string, what: string) => {
    const like = uniform() < 0.7 ? `${one(LIKE)} ` : '';
    const where = uniform() < 0.6 ? ` ${one(TIES)} the ${one(WHERE)}` : '';
    return `${uniform() < 0.8 ? 'A' : 'There is a'} ${like}${who} ${one(DOING)} ${one(TIES)} a ${what}${where}${one(ENDS)}`;
  };
  const pictures = Array.from({ length: images }, () => [one(WHO), one(WHAT)] as const);
  return {
    hypotheses: pictures.map(([who, what]) => about(uniform() < 0.8 ? who : one(WHO), what)),
    references: pictures.map(([who, what]) => Array.from({ length: 5 }, () => about(who, what))),
  };
}
