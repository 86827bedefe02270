// A process that selects a backend and prints how it computes.
import { selectBackend } from '@triptych/nn';
import { measureNumerics } from '@triptych/training';

const { choice, version } = JSON.parse(process.argv[2]);
process.stdout.write(JSON.stringify(await measureNumerics(await selectBackend(choice), version)));
