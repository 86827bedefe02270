/** Questions about a scene with answers that follow from it. */
import type { RandomStream } from '../random-stream.ts';
import { relation, type Scene } from './scene.ts';
import { colourNames, shapes, withArticle } from './vocabulary.ts';

export interface Question {
  readonly question: string;
  readonly answer: string;
  /** As in VQAv2: how the question begins, and what kind of answer it wants. */
  readonly questionType: string;
  readonly answerType: 'yes/no' | 'number' | 'other';
  /** What an annotator who is wrong would say. */
  readonly mistake: string;
}

/** Four questions, the first about the class; of the rest one is of each answer type. */
export function questionsOf(scene: Scene, stream: RandomStream): Question[] {
  const { main, others } = scene;
  const otherShape = stream.pick(shapes.filter((shape) => shape !== main.shape));
  const otherColour = stream.pick(colourNames.filter((colour) => colour !== main.colour));
  const count = 1 + others.length;
  return [
    ask('What shape is', ' the largest object?', { answer: main.shape, mistake: otherShape }),
    stream.pick([
      ask('What color is', ` the ${main.shape}?`, { answer: main.colour, mistake: otherColour }),
      ask('What pattern does', ` the ${main.shape} have?`, { answer: main.texture, mistake: 'plain' }),
      ...others
        .map((other) =>
          ask('What is', ` ${relation(other, main)} the ${main.shape}?`, {
            answer: other.shape,
            mistake: otherShape,
          }),
        )
        .slice(0, others.length === 1 ? 1 : 0),
    ]),
    ask('How many', ' objects are there?', { answer: String(count), mistake: String(count + 1) }),
    stream.pick([
      ask('Is there', ` ${withArticle(`${main.colour} ${main.shape}`)}?`, { answer: 'yes', mistake: 'no' }),
      ask('Is there', ` ${withArticle(`${otherColour} ${main.shape}`)}?`, { answer: 'no', mistake: 'yes' }),
    ]),
  ];
}

function ask(start: string, end: string, { answer, mistake }: { answer: string; mistake: string }): Question {
  const answerType = /^(yes|no)$/.test(answer) ? 'yes/no' : /^\d+$/.test(answer) ? 'number' : 'other';
  return { question: start + end, answer, mistake, questionType: start.toLowerCase(), answerType };
}
