/** Command lines that delete, against a control plane of a few routes on a real socket. */
import { describe, expect, it } from 'vitest';
import { problem, useFakeService } from './testing/fake-service.ts';

const service = useFakeService();
const { routes } = service;

const gone = (route: string) => {
  const asked: string[] = [];
  routes[`DELETE ${route}`] = ({ method, url }, response) => {
    asked.push(`${method} ${url}`);
    response.writeHead(204).end();
  };
  return asked;
};

describe.each([
  ['run', ['delete'], '/v1/runs'],
  ['dataset', ['datasets', 'delete'], '/v1/datasets'],
  ['model', ['models', 'delete'], '/v1/models'],
])('%s', (what, command, path) => {
  it('several at once, each once, with the reason for each that stays', async () => {
    const [first, second] = [gone(`${path}/a`), gone(`${path}/b`)];
    routes[`DELETE ${path}/busy`] = (_, response) => problem(response, 409, 'ILLEGAL_STATE');
    expect(await service.triptych([...command, 'a', 'busy', 'b', 'a'])).toEqual({
      code: 1,
      out: 'a  deleted\nb  deleted\n',
      err: 'busy: the service says ILLEGAL_STATE\n',
    });
    expect([first.length, second.length]).toEqual([1, 1]);
  });

  it('as JSON, with the exit code of what is not there', async () => {
    gone(`${path}/a`);
    const { code, out } = await service.triptych([...command, 'a', 'nothing', '--json']);
    expect(code).toBe(102);
    expect(JSON.parse(out)).toEqual([
      { name: 'a', deleted: true },
      { name: 'nothing', deleted: false, code: 'NOT_FOUND', message: 'the service says NOT_FOUND' },
    ]);
  });

  it('asks first where somebody sits at a terminal, unless told not to', async () => {
    const asked = gone(`${path}/a`);
    const questions: string[] = [];
    const answering = (answer: boolean) => async (question: string) => {
      questions.push(question);
      return answer;
    };
    const refused = await service.triptych([...command, 'a'], undefined, answering(false));
    expect([refused.code, refused.out, asked.length]).toEqual([0, '', 0]);
    expect(questions).toEqual([`Delete ${what} a?`]);
    await service.triptych([...command, 'a', '--yes'], undefined, answering(false));
    expect([questions.length, asked.length]).toEqual([1, 1]);
    expect((await service.triptych([...command, 'a'], undefined, answering(true))).out).toBe('a  deleted\n');
  });

  it('takes an answer that was lost for done', async () => {
    let tries = 0;
    routes[`DELETE ${path}/a`] = (_, response) => {
      tries += 1;
      if (tries === 1) response.destroy();
      else problem(response, 404, 'NOT_FOUND');
    };
    expect(await service.triptych([...command, 'a'])).toEqual({ code: 0, out: 'a  deleted\n', err: '' });
  });
});
