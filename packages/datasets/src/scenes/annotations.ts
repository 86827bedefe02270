/** The annotation files of one split, in the public formats: COCO captions, VQAv2, LLaVA conversations. */
import { randomStream } from '../random-stream.ts';
import { captionsOf } from './captions.ts';
import { conversationsOf } from './conversations.ts';
import { type Question, questionsOf } from './questions.ts';
import type { Scene } from './scene.ts';

export interface Picture {
  readonly id: number;
  /** Relative to `images/`, with `/`. */
  readonly file: string;
  readonly width: number;
  readonly height: number;
  readonly scene: Scene;
}

const QUESTIONS_PER_IMAGE = 10;
const CAPTIONS_PER_IMAGE = 10;

/** JSON values by file name, relative to the dataset's folder. */
export function annotationFiles(
  split: string,
  pictures: readonly Picture[],
  seed: number,
): Record<string, unknown> {
  const asked = pictures.map((picture) => ({
    ...picture,
    questions: questionsOf(picture.scene, randomStream(seed, 'questions', picture.id)),
  }));
  const numbered = asked.flatMap(({ id, questions }) =>
    questions.map((question, n) => ({ image_id: id, question_id: id * QUESTIONS_PER_IMAGE + n, question })),
  );
  return {
    [`annotations/captions_${split}.json`]: coco(pictures),
    [`vqa/questions_${split}.json`]: {
      task_type: 'Open-Ended',
      data_type: 'scenes',
      data_subtype: split,
      questions: numbered.map(({ question, ...ids }) => ({ ...ids, question: question.question })),
    },
    [`vqa/annotations_${split}.json`]: {
      data_type: 'scenes',
      data_subtype: split,
      annotations: numbered.map(({ question, ...ids }) => ({
        ...ids,
        ...answers(question, ids.question_id, seed),
      })),
    },
    [`llava/conversations_${split}.json`]: asked.flatMap((picture) => conversations(picture, seed)),
  };
}

const coco = (pictures: readonly Picture[]) => ({
  images: pictures.map(({ id, file, width, height }) => ({ id, file_name: file, width, height })),
  annotations: pictures.flatMap(({ id, scene }) =>
    captionsOf(scene).map((caption, n) => ({ id: id * CAPTIONS_PER_IMAGE + n, image_id: id, caption })),
  ),
});

/** Ten annotators, of whom up to two are mistaken. */
function answers(question: Question, questionId: number, seed: number) {
  const mistaken = randomStream(seed, 'answers', questionId).integer(3);
  return {
    question_type: question.questionType,
    answer_type: question.answerType,
    multiple_choice_answer: question.answer,
    answers: Array.from({ length: 10 }, (_, n) => ({
      answer: n < 10 - mistaken ? question.answer : question.mistake,
      answer_confidence: n < 10 - mistaken ? 'yes' : 'maybe',
      answer_id: n + 1,
    })),
  };
}

/** Three conversations; the picture comes first in each. */
function conversations(
  { id, file, scene, questions }: Picture & { questions: readonly Question[] },
  seed: number,
) {
  const stream = randomStream(seed, 'conversations', id);
  return Object.entries(conversationsOf(scene, { questions, stream })).map(([about, exchanges]) => ({
    id: `${id}-${about}`,
    image: file,
    conversations: exchanges.flatMap(({ ask, answer }, turn) => [
      { from: 'human', value: turn === 0 ? `<image>\n${ask}` : ask },
      { from: 'gpt', value: answer },
    ]),
  }));
}
