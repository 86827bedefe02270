/** Conversations about a scene, in three kinds: a description, short answers, and counting in whole sentences. */
import type { RandomStream } from '../random-stream.ts';
import { captionsOf, look } from './captions.ts';
import type { Question } from './questions.ts';
import type { Scene } from './scene.ts';
import { withArticle } from './vocabulary.ts';

export interface Exchange {
  readonly ask: string;
  readonly answer: string;
}

/** As LLaVA 1.5 asks for short answers. */
export const SHORT_ANSWER = 'Answer the question using a single word or phrase.';

const requests = [
  'Describe the picture.',
  'What do you see in this image?',
  'Give a short description of the image.',
  'What is shown in the picture?',
] as const;

const numbers = ['no', 'one', 'two', 'three'] as const;

/** By what they are about. `questions` are those of `questionsOf`. */
export function conversationsOf(
  scene: Scene,
  { questions, stream }: { questions: readonly Question[]; stream: RandomStream },
): Readonly<Record<'description' | 'answers' | 'counting', readonly Exchange[]>> {
  const description = captionsOf(scene).at(-1) as string;
  const asked = stream
    .shuffle([...questions.filter(({ answerType }) => answerType !== 'yes/no'), background(scene)])
    .map(({ question, answer }) => ({ ask: question, answer }));
  const [first, ...others] = asked as [Exchange, ...Exchange[]];
  return {
    description: [{ ask: stream.pick(requests), answer: description }],
    answers: [{ ...first, ask: `${first.ask}\n${SHORT_ANSWER}` }, ...others],
    counting: counting(scene),
  };
}

/** Yes and no are left out above: whether there is a red star is no question after the star's color. */
const background = (scene: Scene): Pick<Question, 'question' | 'answer'> => ({
  question: 'What color is the background?',
  answer: scene.background,
});

function counting({ main, others }: Scene): Exchange[] {
  const all = [main, ...others].map((object) => withArticle(look(object)));
  const count = numbers[all.length] as string;
  const last = all.at(-1) as string;
  const list = all.length === 1 ? last : `${all.slice(0, -1).join(', ')} and ${last}`;
  return [
    {
      ask: 'How many objects are in the picture?',
      answer: all.length === 1 ? 'There is one object.' : `There are ${count} objects.`,
    },
    { ask: 'Name them.', answer: `The picture shows ${list}.` },
  ];
}
