/** Which predictions an architecture can make, and what is wrong with one before a worker sees it. Tensor-free. */
import { IMAGE_TAG } from '@triptych/datasets';
import type { Ability, Architecture, ContentKind } from '@triptych/models/catalog';
import {
  type PredictionKind,
  type PredictionTask,
  predictionKinds,
  show,
  type TaskOf,
  type Violation,
} from '@triptych/protocol';

interface Needs {
  /** One of these. */
  readonly abilities: readonly Ability[];
  /** What the prompt of a model that writes is made of. */
  readonly content?: ContentKind;
}

const needs: Readonly<Record<PredictionKind, Needs>> = {
  classify: { abilities: ['embed', 'loglikelihood'] },
  'match-captions': { abilities: ['embed', 'loglikelihood'] },
  'match-images': { abilities: ['embed'] },
  caption: { abilities: ['generate'], content: 'captions' },
  answer: { abilities: ['generate'], content: 'question' },
  chat: { abilities: ['generate'], content: 'conversation' },
};

type Able = Pick<Architecture, 'title' | 'abilities' | 'contents'>;

/** In the order of the documentation. */
export const predictionsOf = (architecture: Able): PredictionKind[] =>
  predictionKinds.filter((kind) => {
    const { abilities, content } = needs[kind];
    const isAble = abilities.some((ability) => architecture.abilities.includes(ability));
    return isAble && (content === undefined || architecture.contents.includes(content));
  });

/** Every problem of a task that the schema cannot tell, with paths into the task. */
export function predictionViolations(task: PredictionTask, architecture: Able): Violation[] {
  const possible = predictionsOf(architecture);
  if (!possible.includes(task.kind))
    return [
      {
        path: '/kind',
        expected: `a prediction that ${architecture.title} can make: ${possible.join(', ')}`,
        actual: show(task.kind),
        remedy: `ask for one of these, or choose a model of another architecture (abilities of ${architecture.title}: ${architecture.abilities.join(', ')})`,
      },
    ];
  if (task.kind === 'classify') return classifyViolations(task, architecture);
  if (task.kind === 'chat') return [...limitViolations(task), ...chatViolations(task)];
  return 'limits' in task ? limitViolations(task) : [];
}

function classifyViolations(task: TaskOf<'classify'>, { abilities, title }: Able): Violation[] {
  const without = (name: 'templates' | 'question', reason: string): Violation => ({
    path: `/${name}`,
    expected: `no ${name}: ${title} ${reason}`,
    actual: show(task[name]),
    remedy: `leave "${name}" out`,
  });
  if (abilities.includes('embed'))
    return task.question === undefined ? [] : [without('question', 'compares a picture with sentences')];
  return task.templates === undefined ? [] : [without('templates', 'is asked for the label itself')];
}

function limitViolations({ limits }: Pick<TaskOf<'caption'>, 'limits'>): Violation[] {
  const { beams = 1, temperature = 0 } = limits ?? {};
  if (beams === 1 || temperature === 0) return [];
  return [
    {
      path: '/limits/temperature',
      expected: '0 with beam search, which draws nothing',
      actual: String(temperature),
      remedy: 'leave "beams" or "temperature" out',
    },
  ];
}

function chatViolations({ messages }: TaskOf<'chat'>): Violation[] {
  const found: Violation[] = [];
  const first = messages[0]?.role === 'system' ? 1 : 0;
  for (const [i, { role, text, images = [] }] of messages.entries()) {
    const wanted = (i - first) % 2 === 0 ? 'user' : 'assistant';
    if (i >= first && role !== wanted)
      found.push({
        path: `/messages/${i}/role`,
        expected: `"${wanted}": user and assistant take turns, the user first, after one system message at most`,
        actual: show(role),
        remedy: 'correct the order of the messages',
      });
    if (role !== 'user' && (images.length > 0 || text.includes(IMAGE_TAG)))
      found.push({
        path: `/messages/${i}/images`,
        expected: 'pictures in messages of the user only',
        actual: `${Math.max(images.length, tagsIn(text))} in one of the ${role}`,
        remedy: 'move them',
      });
    else if (tagsIn(text) > 0 && tagsIn(text) !== images.length)
      found.push({
        path: `/messages/${i}/text`,
        expected: `${IMAGE_TAG} once for each of its ${images.length} pictures, or not at all`,
        actual: `${tagsIn(text)} times`,
        remedy: `correct the text, or leave ${IMAGE_TAG} out`,
      });
  }
  const last = `/messages/${messages.length - 1}/role`;
  if (messages.at(-1)?.role !== 'user' && !found.some(({ path }) => path === last))
    found.push({
      path: last,
      expected: '"user" in the last message, which is answered',
      actual: show(messages.at(-1)?.role),
      remedy: 'add the message that is to be answered',
    });
  return found;
}

const tagsIn = (text: string): number => text.split(IMAGE_TAG).length - 1;
