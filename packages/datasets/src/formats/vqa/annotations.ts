/** What the two files of VQAv2 say. Entries that lack a field are no entries; what that leaves without an answer is the reader's to report. */

export interface QuestionFile {
  /** "train2014": the folder and the names of the images carry it. */
  readonly subtype: string;
  readonly questions: readonly { readonly id: string; readonly image: string; readonly question: string }[];
}

/** Undefined where the JSON is something else. */
export function parseQuestions(json: unknown): QuestionFile | undefined {
  const list = listOf(json, 'questions');
  if (!list) return undefined;
  const questions = list.map((one) => ({
    id: idOf(one['question_id']),
    image: idOf(one['image_id']),
    question: typeof one['question'] === 'string' ? one['question'] : '',
  }));
  const subtype = (json as Fields)['data_subtype'];
  return { subtype: typeof subtype === 'string' ? subtype : '', questions };
}

/** Undefined where the JSON is something else. Ten answers each in VQAv2; the one of `multiple_choice_answer` where there are none. */
export function parseAnnotations(
  json: unknown,
): { readonly question: string; readonly answers: readonly string[] }[] | undefined {
  return listOf(json, 'annotations')
    ?.filter((one) => 'question_id' in one)
    .map((one) => {
      const given = Array.isArray(one['answers']) ? one['answers'].map(answerOf) : [];
      const answers = (given.length > 0 ? given : [one['multiple_choice_answer']]).filter(
        (answer): answer is string => typeof answer === 'string' && answer.trim() !== '',
      );
      return { question: idOf(one['question_id']), answers };
    });
}

type Fields = Readonly<Record<string, unknown>>;

const answerOf = (one: unknown): unknown =>
  typeof one === 'string' ? one : (one as Fields | null)?.['answer'];

const idOf = (value: unknown): string =>
  typeof value === 'number' || typeof value === 'string' ? String(value) : '';

function listOf(value: unknown, key: string): Fields[] | undefined {
  const list = (value as Fields | null | undefined)?.[key];
  return Array.isArray(list) ? list.filter((item) => typeof item === 'object' && item !== null) : undefined;
}
