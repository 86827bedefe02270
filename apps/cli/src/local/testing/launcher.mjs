// A launcher that a test can kill: starts what it is told, says the pids, and then only waits.
import { startStack } from '../../../dist/local/index.js';
import { startDatabase } from '../../../dist/local/postgres/database.js';

const [what, folder] = process.argv.slice(2);
const { signal } = new AbortController();
const starters = {
  async database() {
    const { pid, url } = await startDatabase({ folder, logPath: `${folder}/postgres.log`, signal });
    return { pids: [pid], ports: [Number(new URL(url).port)] };
  },
  async stack() {
    const pids = [];
    const onEvent = ({ kind, pid }) => kind === 'ready' && pids.push(pid);
    const stack = await startStack({ workers: 1, backend: 'cpu', home: folder, onEvent });
    const ports = [stack.url, `http://${stack.grpcAddress}`, stack.databaseUrl].map((url) =>
      Number(new URL(url).port),
    );
    return { pids, ports: [...ports, stack.workers[0].port] };
  },
};
process.stdout.write(`${JSON.stringify(await starters[what]())}\n`);
setInterval(() => undefined, 60_000);
