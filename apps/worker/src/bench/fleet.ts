/**
 * A fleet of light workers in one process, for whoever tries a control plane: `fleet.js` with a JSON of {@link FleetSettings} as its
 * argument and `TRIPTYCH_JOIN_TOKEN_FILE`. Workers come and go: each has a number of trainings to live for, then leaves in order or is
 * killed, and another one takes its place. Tells its parent `{ present, started, killed, left }` whenever that changes.
 */
import {
  createLogger,
  FleetSettings as JoinSettings,
  readEnvironment,
  readJoinTokens,
} from '@triptych/runtime';
import { Type } from 'typebox';
import { LightWorker } from './light-worker.ts';

export interface FleetSettings {
  readonly control: string;
  readonly workers: number;
  /** Trainings that a worker lives for, on average. */
  readonly trainings: number;
  readonly stepMs: number;
  readonly config: string;
}

export interface FleetCensus {
  readonly present: number;
  readonly started: number;
  readonly killed: number;
  readonly left: number;
}

/** Registrations at one time: a fleet that comes up all at once is another trial. */
const TOGETHER = 16;

const settings = JSON.parse(process.argv[2] ?? '{}') as FleetSettings;
const joinTokens = readJoinTokens(readEnvironment(Type.Object({ ...JoinSettings }), process.env));
const logger = createLogger({ name: 'fleet', level: 'fatal' });
const census = { present: 0, started: 0, killed: 0, left: 0 };
let isEnding = false;
const present = new Set<LightWorker>();

process.once('SIGTERM', () => {
  isEnding = true;
  void Promise.all([...present].map((light) => light.leave())).finally(() => process.exit(0));
});

const places = Array.from({ length: settings.workers }, (_, place) => place);
await Promise.all(
  Array.from({ length: TOGETHER }, async () => {
    for (let place = places.shift(); place !== undefined; place = places.shift()) await take(place);
  }),
);

/** Lives are spread from half to one and a half of the average, and every second one ends by force. */
async function take(place: number): Promise<void> {
  if (isEnding) return;
  const number = census.started++;
  let left = Math.ceil(settings.trainings * (0.5 + ((number * 7919) % 1000) / 1000));
  const light = await LightWorker.start({
    ...{ ...settings, joinTokens, logger },
    onTrain: () => {
      left -= 1;
      if (left === 0)
        setTimeout(() => void replace(place, { light, byForce: number % 2 === 0 }), settings.stepMs);
    },
  });
  present.add(light);
  tell();
}

async function replace(
  place: number,
  { light, byForce }: { readonly light: LightWorker; readonly byForce: boolean },
): Promise<void> {
  if (isEnding || !present.delete(light)) return;
  census[byForce ? 'killed' : 'left'] += 1;
  tell();
  await (byForce ? light.crash() : light.leave());
  await take(place);
}

function tell(): void {
  process.send?.({ ...census, present: present.size } satisfies FleetCensus);
}
